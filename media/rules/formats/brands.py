"""The brands that distinguish MP4, AVIF and the other formats made of the same boxes."""

# Files built on the same boxes as MP4 that often list an MP4 brand as compatible.
_UNSUPPORTED_BRANDS: dict[bytes, str] = {
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
# Used by HEIF and AVIF alike: the file is AVIF only if it lists an AVIF brand too.
_GENERIC_HEIF_BRANDS = frozenset({b"mif1", b"msf1", b"miaf"})
_MP4_BRANDS = frozenset(
    {b"isom", b"mp41", b"mp42", b"avc1", b"dash", b"M4V ", b"MSNV", b"mmp4"}
    | {b"iso%d" % number for number in range(2, 10)}
)


def content_type_of(brands: bytes) -> str | None:
    """Return the content type that the payload of an `ftyp` box declares.

    The major brand decides, then the compatible brands.
    """
    major = brands[:4]
    after_version = 8  # the major brand and its version have four bytes each
    compatible = {brands[at : at + 4] for at in range(after_version, len(brands) - 3, 4)}
    if major in _UNSUPPORTED_BRANDS:
        return _UNSUPPORTED_BRANDS[major]
    if major[:3] in {b"3gp", b"3g2"}:
        return "video/3gpp"
    if major in _AVIF_BRANDS or (major in _GENERIC_HEIF_BRANDS and compatible & _AVIF_BRANDS):
        return "image/avif"
    if major in _HEIF_BRANDS or compatible & _HEIF_BRANDS:
        return "image/heic"
    return "video/mp4" if {major, *compatible} & _MP4_BRANDS else None
