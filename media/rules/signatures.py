"""What a file is by its first bytes, whatever its name or its sender say."""

import filetype

from media.rules.formats import gif, mp3, pdf, png
from media.rules.formats.reader import unpack

SNIFF_BYTES = 8192  # what the signature library looks at

# The library is content with less than the formats promise; JavaScript may start with "GIF".
_WHOLE_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "image/png": (png.SIGNATURE,),
    "image/gif": gif.SIGNATURES,
    "application/pdf": (pdf.SIGNATURE,),
    "application/zip": (b"PK\x03\x04", b"PK\x05\x06"),
}
# Files built on the same boxes as MP4 that often list an MP4 brand as compatible.
_FOREIGN_BRANDS: dict[bytes, str] = {
    b"qt  ": "video/quicktime",
    b"crx ": "image/x-canon-cr3",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"F4V ": "video/x-f4v",
    b"jp2 ": "image/jp2",
    b"jpx ": "image/jpx",
    b"jpm ": "image/jpm",
    b"mjp2": "video/mj2",
}
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_GENERIC_HEIF_BRANDS = frozenset({b"mif1", b"msf1", b"miaf"})
_MP4_BRANDS = frozenset(
    {b"isom", b"mp41", b"mp42", b"avc1", b"dash", b"M4V ", b"MSNV", b"mmp4"}
    | {b"iso%d" % number for number in range(2, 10)}
)


def sniff(first_bytes: bytes) -> str | None:
    """Return the content type the first bytes prove, ours or a foreign one, or None."""
    head = bytes(first_bytes[:SNIFF_BYTES])
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if mp3.frame_length(head) is not None:
        return "audio/mpeg"
    kind = filetype.guess(head)
    if kind is None:
        return None
    found = "image/png" if kind.mime == "image/apng" else str(kind.mime)
    if not head.startswith(_WHOLE_SIGNATURES.get(found, b"")):
        return None
    return found


def _by_brand(head: bytes) -> str | None:
    """Tell the relatives of MP4 apart: the main brand decides, then the compatible ones."""
    size = unpack(">I", head)[0]
    main = head[8:12]
    compatible = {head[at : at + 4] for at in range(16, min(size, len(head)) - 3, 4)}
    if main in _FOREIGN_BRANDS:
        return _FOREIGN_BRANDS[main]
    if main[:3] in {b"3gp", b"3g2"}:
        return "video/3gpp"
    if main in _AVIF_BRANDS or (main in _GENERIC_HEIF_BRANDS and compatible & _AVIF_BRANDS):
        return "image/avif"
    if main in _HEIF_BRANDS or compatible & _HEIF_BRANDS:
        return "image/heic"
    return "video/mp4" if {main, *compatible} & _MP4_BRANDS else None
