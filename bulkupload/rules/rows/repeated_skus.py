"""Finding SKUs that are repeated later in a file, in memory that does not grow with the file."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from bulkupload.codes import RepeatedSkuCode
from bulkupload.rules.rows.checked_rows import ValidRow

# Words of eight bytes. With one for each SKU about one in 20,000 is a false positive.
_MIN_WORDS: Final = 2**12
_MAX_WORDS: Final = 2**21
_MIN_ROW_BYTES: Final = 32  # hardly any row is shorter
_PAIRS: Final = [1 << (value & 63) | 1 << (value >> 6) for value in range(2**12)]  # two bits each


class SeenSkus:
    """A Bloom filter of SKUs: false positives are possible, false negatives are not.

    The six bits of an SKU are in one word, so that a look-up costs one memory access. A false
    positive only delays a chunk until those before it are imported. The filter takes about a
    third of the table's size, at most 16 MiB: enough for two million SKUs.
    """

    def __init__(self, *, table_size: int) -> None:
        rows = table_size // _MIN_ROW_BYTES
        words = min(max(1 << rows.bit_length(), _MIN_WORDS), _MAX_WORDS)
        self._words = memoryview(bytearray(8 * words)).cast("Q")
        self._mask = words - 1

    def repeated(self, skus: Iterable[str]) -> list[str]:
        """Return the SKUs of earlier calls among these, and add all of them to the filter."""
        words, mask, pairs = self._words, self._mask, _PAIRS
        repeated = []
        for sku in skus:
            value = hash(sku)
            bits = pairs[value >> 21 & 4095] | pairs[value >> 33 & 4095] | pairs[value >> 45 & 4095]
            at = value & mask
            word = words[at]
            if word & bits == bits:
                repeated.append(sku)
            else:
                words[at] = word | bits
        return repeated


REPEATED_SKU: Final[RepeatedSkuCode] = "repeated_sku"


class RepeatedRow(NamedTuple):
    """A row whose SKU an earlier line has as well; 0 if that line is unknown."""

    row: ValidRow
    earlier_line: int

    @property
    def message(self) -> str:
        """The warning about the two rows."""
        line = self.row.line
        if not self.earlier_line:
            return f"This SKU is in an earlier line as well. The values of line {line} count."
        return (
            f"This SKU is in line {self.earlier_line} as well. "
            f"The values of line {line} replaced those."
        )


def repeated_rows(rows: Sequence[ValidRow], earlier: Mapping[str, int]) -> list[RepeatedRow]:
    """Return the rows whose SKU an earlier one has, or is among the `earlier` SKUs."""
    if not earlier and len({row.values[0] for row in rows}) == len(rows):
        return []
    lines = dict(earlier)
    repeated = []
    for row in sorted(rows, key=lambda each: each.row):
        sku = row.values[0]
        if sku in lines:
            repeated.append(RepeatedRow(row, lines[sku]))
        lines[sku] = row.line
    return repeated
