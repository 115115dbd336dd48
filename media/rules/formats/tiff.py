"""Camera RAW files in the TIFF format, distinguished by their first directory."""

from media.errors import FileCorruptError
from media.rules.formats.reader import unpack

SIGNATURES = {b"II*\x00": "<", b"MM\x00*": ">"}
_MAKE, _SUB_DIRECTORIES, _DNG_VERSION = 271, 330, 50706
_RAW_TYPES = {
    b"NIKON": "image/x-nikon-nef",
    b"SONY": "image/x-sony-arw",
    b"PENTAX": "image/x-pentax-pef",
    b"RICOH": "image/x-pentax-pef",
    b"SAMSUNG": "image/x-samsung-srw",
    b"HASSELBLAD": "image/x-hasselblad-3fr",
    b"PHASE ONE": "image/x-phaseone-iiq",
    b"LEAF": "image/x-leaf-mos",
    b"KODAK": "image/x-kodak-dcr",
    b"EASTMAN KODAK": "image/x-kodak-dcr",
}


def raw_type(head: bytes) -> str | None:
    """Return the content type of a camera's RAW file; None for any other TIFF."""
    order = SIGNATURES[head[:4]]
    try:
        tags = _first_directory(head, order)
    except FileCorruptError:
        return None
    if _DNG_VERSION in tags:
        return "image/x-adobe-dng"
    if _SUB_DIRECTORIES not in tags or _MAKE not in tags:
        return None
    make = head[tags[_MAKE] :][:32].upper()
    return next((kind for name, kind in _RAW_TYPES.items() if make.startswith(name)), None)


def _first_directory(head: bytes, order: str) -> dict[int, int]:
    """Return the tags of the first directory with their values or offsets."""
    start = unpack(order + "I", head, 4)[0]
    count = unpack(order + "H", head, start)[0]
    entries = (unpack(order + "H6xI", head, start + 2 + 12 * at) for at in range(min(count, 200)))
    return dict(entries)
