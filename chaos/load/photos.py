"""Small photos that are cheap to make."""

import io
from hashlib import sha256
from typing import Final

from PIL import Image

PIXELS: Final = (320, 240)


class Photos:
    """Small JPEGs: each text gives other bytes of the same image."""

    def __init__(self) -> None:
        buffer = io.BytesIO()
        Image.effect_noise(PIXELS, 40).convert("RGB").save(buffer, "JPEG", quality=80)
        self._body = buffer.getvalue()

    def __call__(self, text: str) -> bytes:
        """Return the image with this text as a JPEG comment."""
        comment = text.encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        return self._body[:2] + segment + self._body[2:]

    def digest(self, text: str) -> str:
        """Return the SHA-256 of the photo with this text."""
        return sha256(self(text)).hexdigest()
