"""Noticing SKUs that come again later in a file, in memory that does not grow with it."""

from collections.abc import Iterable
from typing import Final

_BITS: Final = 2**27  # 16 MiB; at two million SKUs one in 100,000 is taken for a repeated one
_HASHES: Final = 4


class SeenSkus:
    """A Bloom filter: it may take a new SKU for a repeated one, never the other way round.

    A mistake costs a chunk its place beside the others, nothing else.
    """

    def __init__(self) -> None:
        self._bits = bytearray(_BITS // 8)

    def repeated(self, skus: Iterable[str]) -> list[str]:
        """Return those that were here in an earlier call, and remember all of them."""
        bits, mask = self._bits, _BITS - 1
        found = []
        for sku in skus:
            value = hash(sku)
            step = (value >> 27) | 1
            seen = True
            for _ in range(_HASHES):
                at = value & mask
                bit = 1 << (at & 7)
                if not bits[at >> 3] & bit:
                    seen = False
                    bits[at >> 3] |= bit
                value += step
            if seen:
                found.append(sku)
        return found
