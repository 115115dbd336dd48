"""Detecting repeated SKUs in one pass, in bounded memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from bulkupload.codes import RepeatedSkuCode
from bulkupload.rules.rows.checked_rows import ValidRow

# Words of 64 bits. With one for each SKU about one look-up in 20,000 is a false positive.
_MIN_WORDS: Final = 2**12
_MAX_WORDS: Final = 2**21
_MIN_ROW_BYTES: Final = 32  # hardly any row is shorter
# For each 12 bits of a hash a mask with two bits set; an SKU sets three such pairs.
_PAIRS: Final = [1 << (value & 63) | 1 << (value >> 6) for value in range(2**12)]


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

    def add(self, skus: Iterable[str]) -> list[str]:
        """Add SKUs to the filter; return those of them that it already had."""
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
    """A row whose SKU is also in an earlier line; `earlier_line` is 0 if that is unknown."""

    row: ValidRow
    earlier_line: int

    @property
    def message(self) -> str:
        """The warning about the two rows."""
        line = self.row.line
        if not self.earlier_line:
            return f"This SKU is also in an earlier line. The values of line {line} are used."
        return f"This SKU is also in line {self.earlier_line}. The values of line {line} are used."


def repeated_rows(rows: Sequence[ValidRow], earlier: Mapping[str, int]) -> list[RepeatedRow]:
    """Return the rows whose SKU an earlier row has too.

    `earlier` maps the SKUs of earlier chunks to the lines of their first rows.
    """
    if not earlier and len({row.sku for row in rows}) == len(rows):
        return []
    lines = dict(earlier)
    repeated = []
    for row in sorted(rows, key=lambda row: row.row):
        if row.sku in lines:
            repeated.append(RepeatedRow(row, lines[row.sku]))
        lines[row.sku] = row.line
    return repeated
