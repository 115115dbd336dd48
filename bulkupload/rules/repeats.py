"""Noticing SKUs that come again later in a file, in memory that does not grow with it."""

from collections.abc import Iterable
from typing import Final

_WORDS: Final = 2**21  # 16 MiB; at two million SKUs one in 20,000 is taken for a repeated one


class SeenSkus:
    """A Bloom filter: it may take a new SKU for a repeated one, never the other way round.

    The six bits of a SKU stand in one word, so that a look costs one access. A mistake
    costs a chunk its place beside the others, nothing else.
    """

    def __init__(self) -> None:
        self._words = memoryview(bytearray(8 * _WORDS)).cast("Q")

    def repeated(self, skus: Iterable[str]) -> list[str]:
        """Return those that were here in an earlier call, and remember all of them."""
        words, mask = self._words, _WORDS - 1
        found = []
        for sku in skus:
            value = hash(sku)
            bits = 1 << (value >> 21 & 63) | 1 << (value >> 27 & 63) | 1 << (value >> 33 & 63)
            bits |= 1 << (value >> 39 & 63) | 1 << (value >> 45 & 63) | 1 << (value >> 51 & 63)
            at = value & mask
            if words[at] & bits == bits:
                found.append(sku)
            else:
                words[at] |= bits
        return found
