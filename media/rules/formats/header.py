from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    """The declared size of an image, before rotation by EXIF, and its number of frames."""

    width: int
    height: int
    frames: int = 1

    @property
    def pixels(self) -> int:
        """Return the number of pixels over all frames."""
        return self.width * self.height * self.frames
