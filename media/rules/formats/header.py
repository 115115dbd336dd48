from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ImageHeader:
    """What an image says about itself: pixels as stored (not turned by EXIF), and frames."""

    width: int
    height: int
    frames: int = 1

    @property
    def pixels(self) -> int:
        """Pixels a full decode touches, over all frames."""
        return self.width * self.height * self.frames
