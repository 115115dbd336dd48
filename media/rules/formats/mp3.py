from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import KIB

_TAG, _APE_TAG = b"ID3", b"APETAGEX"
_TAG_HEADER = 32
_MIN_FRAMES = 3  # in a row: other files do not have as many by chance
_SEARCH_BYTES = 64 * KIB  # for the first frame after the tags
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_BIT_RATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_1 = 3
_LAYER_III = 1


def frame_length(header: bytes) -> int | None:
    """Return the length of the Layer III frame with this header, None for any other bytes."""
    bits = int.from_bytes(header[:4], "big")
    if len(header) < 4 or bits >> 21 != 0x7FF:
        return None
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    rate, sampling, padding = bits >> 12 & 15, bits >> 10 & 3, bits >> 9 & 1
    if layer != _LAYER_III or version not in _SAMPLE_RATES or sampling == 3 or not 0 < rate < 15:
        return None
    kilobits = _BIT_RATES[version == _MPEG_1][rate]
    samples = 144 if version == _MPEG_1 else 72
    return samples * kilobits * 1000 // _SAMPLE_RATES[version][sampling] + padding


def starts_late(head: bytes) -> bool:
    """Return whether audio starts after zeros or junk: three frames in a row, or a tag."""
    content = head.lstrip(b"\x00")
    if content.startswith((_TAG, _APE_TAG)):
        return True
    at = head.find(b"\xff")
    while at >= 0:
        if _frames_from(head, at) >= _MIN_FRAMES:
            return True
        at = head.find(b"\xff", at + 1)
    return False


def require_complete(reader: Reader) -> None:
    """Require a first frame, followed by another or the end, and the length in its Xing header.

    Zeros, tags and junk may precede it: players search for the first frame.
    """
    _skip_tags(reader)
    start = reader.position
    window = reader.take_up_to(_SEARCH_BYTES)
    at = window.find(b"\xff")
    while at >= 0:
        length = frame_length(window[at : at + 4])
        if length is not None and _is_followed(reader, start + at + length):
            _require_declared_length(reader, start + at, length)
            return
        at = window.find(b"\xff", at + 1)
    raise FileTruncatedError if not window else FileCorruptError


def _frames_from(head: bytes, at: int) -> int:
    frames = 0
    while frames < _MIN_FRAMES and (length := frame_length(head[at : at + 4])) is not None:
        frames += 1
        at += length
    return frames


def _skip_tags(reader: Reader) -> None:
    """Move past the zeros and tags before the audio."""
    while True:
        _skip_zeros(reader)
        position = reader.position
        head = reader.take_up_to(_TAG_HEADER)
        reader.move_to(position)
        if head.startswith(_APE_TAG) and len(head) == _TAG_HEADER:
            reader.skip(_TAG_HEADER + unpack("<I", head, 12)[0])
        elif head.startswith(_TAG) and len(head) >= 10 and not any(b & 0x80 for b in head[6:10]):
            reader.skip(10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]))
        else:
            return


def _skip_zeros(reader: Reader) -> None:
    position = reader.position
    while chunk := reader.take_up_to(_SEARCH_BYTES):
        content = chunk.lstrip(b"\x00")
        position += len(chunk) - len(content)
        if content:
            break
    reader.move_to(position)


def _is_followed(reader: Reader, position: int) -> bool:
    if position > reader.size:
        return False
    reader.move_to(position)
    following = reader.take_up_to(4)
    return frame_length(following) is not None or following[:3] in {b"", b"TAG", b"APE"}


def _require_declared_length(reader: Reader, start: int, length: int) -> None:
    """Reject a file shorter than the length in its first frame."""
    reader.move_to(start)
    first = reader.take(length)
    at = max(first.find(b"Xing", 0, 64), first.find(b"Info", 0, 64))
    if at < 0:
        return
    flags = unpack(">I", first, at + 4)[0]
    if flags & 2:
        declared = unpack(">I", first, at + 8 + 4 * (flags & 1))[0]
        if declared > reader.size - start:
            raise FileTruncatedError
