"""Noticing SKUs that come again later in a file, in memory that does not grow with it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from bulkupload.codes import RepeatedSkuCode
from bulkupload.rules.rows.cleaning import GoodRow

# Words of eight bytes. With one for each SKU one in 20,000 is taken for a repeated one.
_FEWEST: Final = 2**12
_MOST: Final = 2**21
_MIN_ROW_BYTES: Final = 32  # bytes; hardly a row says less
_PAIRS: Final = [1 << (value & 63) | 1 << (value >> 6) for value in range(2**12)]  # two bits each


class SeenSkus:
    """A Bloom filter: it may take a new SKU for a repeated one, never the other way round.

    The six bits of a SKU stand in one word, so that a look costs one access. A mistake
    costs a chunk its place beside the others, nothing else. It takes about a third of the table's
    size, at most 16 MiB: enough for two million SKUs.
    """

    def __init__(self, *, table_size: int) -> None:
        rows = table_size // _MIN_ROW_BYTES
        words = min(max(1 << rows.bit_length(), _FEWEST), _MOST)
        self._words = memoryview(bytearray(8 * words)).cast("Q")
        self._mask = words - 1

    def repeated(self, skus: Iterable[str]) -> list[str]:
        """Return those that were here in an earlier call, and remember all of them."""
        words, mask, pairs = self._words, self._mask, _PAIRS
        found = []
        for sku in skus:
            value = hash(sku)
            bits = pairs[value >> 21 & 4095] | pairs[value >> 33 & 4095] | pairs[value >> 45 & 4095]
            at = value & mask
            word = words[at]
            if word & bits == bits:
                found.append(sku)
            else:
                words[at] = word | bits
        return found


REPEATED_SKU: Final[RepeatedSkuCode] = "repeated_sku"


class RepeatedRow(NamedTuple):
    """A row whose SKU stands in an earlier line as well; 0 where that line was not kept."""

    row: GoodRow
    earlier_line: int

    @property
    def message(self) -> str:
        """What became of the two rows."""
        line = self.row.line
        if not self.earlier_line:
            return f"This SKU stands in an earlier line as well. The values of line {line} count."
        return (
            f"This SKU stands in line {self.earlier_line} as well. "
            f"The values of line {line} replaced those."
        )


def repeated_rows(rows: Sequence[GoodRow], earlier: Mapping[str, int]) -> list[RepeatedRow]:
    """Return the rows whose SKU stands in an earlier one, or among the `earlier` SKUs."""
    if not earlier and len({row.values[0] for row in rows}) == len(rows):
        return []
    lines = dict(earlier)
    found = []
    for row in sorted(rows, key=lambda each: each.row):
        sku = row.values[0]
        if sku in lines:
            found.append(RepeatedRow(row, lines[sku]))
        lines[sku] = row.line
    return found
