"""Noticing SKUs that come again later in a file, in memory that does not grow with it."""

from collections.abc import Iterable
from typing import Final

# Words of eight bytes. With one for each SKU one in 20,000 is taken for a repeated one.
_FEWEST: Final = 2**12
_MOST: Final = 2**21
_SHORTEST_ROW: Final = 32  # bytes; hardly a row says less
_PAIRS: Final = [1 << (value & 63) | 1 << (value >> 6) for value in range(2**12)]  # two bits each


class SeenSkus:
    """A Bloom filter: it may take a new SKU for a repeated one, never the other way round.

    The six bits of a SKU stand in one word, so that a look costs one access. A mistake
    costs a chunk its place beside the others, nothing else. It takes about a third of the table's
    size, at most 16 MiB: enough for two million SKUs.
    """

    def __init__(self, *, table_size: int) -> None:
        rows = table_size // _SHORTEST_ROW
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
