"""Detection of the content type by the first bytes."""

import filetype

from media.rules.file_types import text_types
from media.rules.formats import brands, gif, mp3, pdf, png, tiff
from media.rules.formats.reader import unpack

SNIFF_BYTES = 8192  # read by the signature library

# The library checks less than the full signature; JavaScript may start with "GIF".
_FULL_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "image/png": (png.SIGNATURE,),
    "image/gif": gif.SIGNATURES,
    "application/pdf": (pdf.SIGNATURE,),
    "application/zip": (b"PK\x03\x04", b"PK\x05\x06"),
    "audio/mpeg": (b"ID3",),
}
# Types the library does not know or does not distinguish from others.
_MORE_SIGNATURES: dict[bytes, str] = {
    b"FUJIFILMCCD-RAW": "image/x-fuji-raf",
    b"II+\x00": "image/tiff",  # BigTIFF
    b"MM\x00+": "image/tiff",
    b"IIRO": "image/x-olympus-orf",
    b"IIRS": "image/x-olympus-orf",
    b"MMOR": "image/x-olympus-orf",
    b"IIU\x00": "image/x-panasonic-rw2",
    b"II\x1a\x00\x00\x00HEAPCCDR": "image/x-canon-crw",
    b"FOVb": "image/x-sigma-x3f",
    b"\x00\x00\x00\x0cJXL \r\n\x87\n": "image/jxl",
    b"\xff\x0a": "image/jxl",
    b"\xc5\xd0\xd3\xc6": "application/postscript",
    b"#!": "text/x-script",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "application/x-ole-storage",
}
# Boxes that may precede or replace the one with the brands.
_EARLY_BOXES = frozenset({b"free", b"skip", b"wide", b"mdat", b"moov", b"uuid", b"pnot"})
_BOX_HEADER = 8
_OFFICE_PREFIX = "application/vnd.openxmlformats"


def sniff(first_bytes: bytes) -> str | None:
    """Return the content type of the first bytes, accepted or not; None if unknown."""
    head = bytes(first_bytes[:SNIFF_BYTES])
    if head[4:8] == b"ftyp":
        return _by_brand(head, 0)
    if head[4:8] in _EARLY_BOXES:
        return _by_late_brand(head)
    if mp3.frame_length(head) is not None:
        return "audio/mpeg"
    return _by_signature(head) or text_types.markup_type(head) or _by_search(head)


def _by_signature(head: bytes) -> str | None:
    for signature, content_type in _MORE_SIGNATURES.items():
        if head.startswith(signature):
            return content_type
    kind = filetype.guess(head)
    if kind is None:
        return None
    detected = "image/png" if kind.mime == "image/apng" else str(kind.mime)
    if detected.startswith(_OFFICE_PREFIX):  # the library guesses it from a folder name
        detected = "application/zip"
    if detected == "image/tiff":
        return tiff.raw_type(head) or detected
    return detected if head.startswith(_FULL_SIGNATURES.get(detected, b"")) else None


def _by_search(head: bytes) -> str | None:
    """Search behind the junk that readers of PDF and MP3 skip; otherwise detect text."""
    if pdf.SIGNATURE in head[: pdf.MAX_LEADING_BYTES + len(pdf.SIGNATURE)]:
        return "application/pdf"
    if text_types.is_text(head):
        return "text/plain"
    return "audio/mpeg" if mp3.starts_late(head) else None


def _by_brand(head: bytes, start: int) -> str | None:
    size = unpack(">I", head, start)[0]
    return brands.content_type_of(head[start + _BOX_HEADER : start + size])


def _by_late_brand(head: bytes) -> str:
    """Return the type of a file whose `ftyp` box is not the first; it may end after these bytes."""
    position = 0
    while position + _BOX_HEADER <= len(head):
        size, kind = unpack(">I4s", head, position)
        if kind == b"ftyp" and position + size <= len(head):
            return _by_brand(head, position) or "video/quicktime"
        if kind not in _EARLY_BOXES or size < _BOX_HEADER:
            break
        position += size
    return "video/mp4"  # `isobmff.require_video` checks all boxes later
