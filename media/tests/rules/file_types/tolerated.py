"""Files as cameras, phones and programs write them, which every viewer shows; all are accepted."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

from PIL import Image

from media.tests.rules.file_types.specimens import (
    WITH_DECLARED_SIZE,
    animation,
    archive,
    box,
    encoded,
    ftyp,
    mp3,
    mp4,
    pdf,
    png_chunk,
    sample_image,
    still,
)

JPEG, PNG, WEBP, GIF, AVIF = "image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"
ZIP, PDF, MP4, MP3 = "application/zip", "application/pdf", "video/mp4", "audio/mpeg"

MPF = b"\xff\xe2\x00\x0cMPF\x00II*\x00\x00\x00"
HIDDEN = b"<script>alert(1)</script>" * 100
COPYRIGHT = b"tEXtCopyright\x00Sartiq"


def with_stray_bytes(stray: bytes) -> bytes:
    """Return a JPEG with stray bytes before its quantisation table and before its scan."""
    whole = still(JPEG)
    for marker in (b"\xff\xdb", b"\xff\xda"):
        offset = whole.index(marker)
        whole = whole[:offset] + stray + whole[offset:]
    return whole


def with_chunks(*chunks: bytes) -> bytes:
    """Return a PNG with further chunks after its header."""
    whole = still(PNG)
    return whole[:33] + b"".join(chunks) + whole[33:]


def two_counts() -> bytes:
    """Return an APNG with two frame counts."""
    whole = animation(PNG)
    offset = whole.index(b"acTL") - 4
    return whole[: offset + 20] + whole[offset : offset + 20] + whole[offset + 20 :]


def without_padding() -> bytes:
    """Return a WebP whose last chunk has an odd length and no padding byte."""
    for width in range(1, 100):
        noise = random.Random(width).randbytes(width * 3)
        whole = encoded(Image.frombytes("RGB", (width, 1), noise), WEBP, lossless=True)
        if whole[16] % 2:
            return whole[:-1]
    raise AssertionError


def with_wrong_checksum(chunk: bytes) -> bytes:
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


def packed_text(size: int) -> bytes:
    return png_chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(size), 9))


def international_text(size: int) -> bytes:
    packed = zlib.compress(b"x" * size, 9)
    return png_chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x01\x00\x00\x00" + packed)


def piped(*, zip64: bool) -> bytes:
    """Return a ZIP as written to a pipe: sizes after the data, optionally with ZIP64 records."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("look/1.jpg", still(JPEG))
    whole = pipe.getvalue()
    return with_zip64_records(whole) if zip64 else whole


def with_zip64_records(whole: bytes) -> bytes:
    """Return a small archive that also has the ZIP64 end records of a large one."""
    offset = whole.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack_from("<HII", whole, offset + 10)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 30, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, offset, 1)
    return whole[:offset] + record + locator + whole[offset:]


def commented() -> bytes:
    buffer = io.BytesIO(archive())
    with zipfile.ZipFile(buffer, "a") as file:
        file.comment = b"Delivered by the studio. " * 100
    return buffer.getvalue()


def late_brand(*before: bytes) -> bytes:
    """Return an MP4 with boxes before the one with its brands."""
    return b"".join(before) + mp4()


def mp4_with_data_first() -> bytes:
    """Return an MP4 whose media data precede all other boxes, as some recorders write it."""
    whole = mp4()
    offset = whole.index(b"mdat") - 4
    end = offset + struct.unpack_from(">I", whole, offset)[0]
    return whole[offset:end] + whole[:offset] + whole[end:]


TOLERATED: dict[str, tuple[str, Callable[[], bytes]]] = {
    # --- Data after an image ---
    "motion photo": (JPEG, lambda: still(JPEG) + mp4()),
    "vendor trailer": (JPEG, lambda: still(JPEG) + b"SEFH" + bytes(3000) + b"SEFT"),
    "gain map": (JPEG, lambda: still(JPEG) + still(JPEG)),
    "announced previews": (JPEG, lambda: still(JPEG)[:2] + MPF + still(JPEG)[2:] + still(JPEG) * 2),
    "a preview cut off": (JPEG, lambda: still(JPEG)[:2] + MPF + still(JPEG)[2:] + still(JPEG)[:90]),
    "two end marks and zeros": (JPEG, lambda: still(JPEG) + b"\xff\xd9" + bytes(4096)),
    "padded with ones": (JPEG, lambda: still(JPEG) + b"\xff" * 4096),
    "archive behind": (JPEG, lambda: still(JPEG) + archive()),
    **{
        f"{content_type} and {name}": (content_type, lambda c=content_type, e=extra: still(c) + e)  # type: ignore[misc] # bound early
        for content_type in (JPEG, PNG, WEBP, GIF, AVIF)
        for name, extra in {
            "newline": b"\n",
            "seven bytes": b"1234567",
            "blanks": b" \r\n" * 700,
            "zeros": bytes(5000),
            "markup": HIDDEN,
        }.items()
    },
    # --- Data inside an image ---
    "two stray bytes": (JPEG, lambda: with_stray_bytes(b"\x00\x00")),
    "no padding": (WEBP, without_padding),
    "stray text": (JPEG, lambda: with_stray_bytes(b"stray \xff\x00 text")),
    "fill bytes": (JPEG, lambda: with_stray_bytes(b"\xff" * 60)),
    "zeros between segments": (JPEG, lambda: with_stray_bytes(bytes(9000))),
    "twenty comments": (JPEG, lambda: with_stray_bytes(b"\xff\xfe\x00\x06word" * 20)),
    "large text": (PNG, lambda: with_chunks(packed_text(5_000_000))),
    "text of 30 MB": (PNG, lambda: with_chunks(packed_text(30_000_000))),
    "large XMP": (PNG, lambda: with_chunks(international_text(5_000_000))),
    "eighty texts": (PNG, lambda: with_chunks(*[packed_text(900_000)] * 80)),
    "unknown chunk": (PNG, lambda: with_chunks(png_chunk(b"prVW", bytes(5000)))),
    "text with a wrong sum": (
        PNG,
        lambda: with_chunks(with_wrong_checksum(png_chunk(b"tEXt", b"Title\x00shoe"))),
    ),
    "transparency with a wrong sum": (
        PNG,
        lambda: with_chunks(with_wrong_checksum(png_chunk(b"tRNS", bytes(6)))),
    ),
    "colours with wrong sums": (
        PNG,
        lambda: with_chunks(
            *(
                with_wrong_checksum(png_chunk(kind, bytes(32)))
                for kind in (b"iCCP", b"cHRM", b"gAMA")
            )
        ),
    ),
    "two frame counts": (PNG, two_counts),
    "frame count of a still": (
        PNG,
        lambda: with_chunks(*[png_chunk(b"acTL", bytes(8))] * 2),
    ),
    "GIF junk after a frame": (GIF, lambda: still(GIF)[:-1] + b"\xde\x84,s2\x00\x03;"),
    "GIF zeros between frames": (
        GIF,
        lambda: animation(GIF).replace(b"\x00!\xf9", b"\x00\x00\x00!\xf9"),
    ),
    "GIF without a trailer": (GIF, lambda: still(GIF)[:-1]),
    **{
        f"AVIF declared as {width} by {height}": (
            AVIF,
            partial(WITH_DECLARED_SIZE[AVIF], width, height),
        )
        for width, height in ((63, 47), (65, 49), (32, 24), (128, 96))
    },
    # --- Documents, sound, video ---
    "PDF behind a mark": (PDF, lambda: b"\xef\xbb\xbf" + pdf()),
    "PDF behind a newline": (PDF, lambda: b"\r\n" + pdf()),
    "PDF behind junk": (PDF, lambda: b"junk\x00\x01" * 170 + pdf()),
    "PDF behind headers": (PDF, lambda: b"Content-Type: application/pdf\r\n\r\n" + pdf()),
    "PDF and zeros": (PDF, lambda: pdf() + bytes(200_000)),
    "PDF and blanks": (PDF, lambda: pdf() + b"\r\n " * 500),
    "PDF and a page": (PDF, lambda: pdf() + HIDDEN),
    "MP3 behind zeros": (MP3, lambda: bytes(417) + mp3(tag=False)),
    "MP3 behind many zeros": (MP3, lambda: b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(90_000)
                              + mp3(tag=False)),
    "MP3 behind junk": (MP3, lambda: b"\x01\xffjunk\xfe" * 90 + mp3(tag=False)),
    "MP3 behind two tags": (MP3, lambda: mp3(frames=0) * 2 + b"APETAGEX" + struct.pack(
        "<IIII8x", 2000, 40, 0, 0xA0000000) + bytes(40) + mp3(tag=False)),
    "MP3 and tags": (MP3, lambda: mp3() + b"APETAGEX" + bytes(24) + b"TAG" + bytes(125)),
    "MP4 behind free": (MP4, lambda: late_brand(box(b"free"))),
    "MP4 behind skip and wide": (MP4, lambda: late_brand(box(b"skip", bytes(9)), box(b"wide"))),
    "MP4 behind uuid": (MP4, lambda: late_brand(box(b"uuid", bytes(40)))),
    "MP4 whose brands are cut off": (MP4, lambda: box(b"free", bytes(8168)) + ftyp(b"zzzz", b"isom")
                                     + mp4()[32:]),
    "MP4 behind much": (MP4, lambda: late_brand(box(b"free", bytes(90_000)))),
    "MP4 data first": (MP4, mp4_with_data_first),
    "MP4 and a trailer": (MP4, lambda: mp4() + bytes(3000)),
    "MP4 and text": (MP4, lambda: mp4() + HIDDEN),
    # --- Archives ---
    "ZIP of a pipe": (ZIP, lambda: piped(zip64=False)),
    "ZIP of a pipe with ZIP64 records": (ZIP, lambda: piped(zip64=True)),
    "ZIP with ZIP64 records": (ZIP, lambda: with_zip64_records(archive())),
    "ZIP with a comment": (ZIP, commented),
    "ZIP behind a line": (ZIP, lambda: b"\r\n" + archive()),
    "ZIP behind zeros": (ZIP, lambda: bytes(512) + archive()),
    "ZIP and zeros": (ZIP, lambda: archive() + bytes(2000)),
    "folder word": (ZIP, lambda: archive({"word/1.jpg": b"x", "xl/2.jpg": b"y", "ppt/": b""})),
    "folder META-INF": (ZIP, lambda: archive({"META-INF/1.jpg": b"x"})),
    "a mimetype entry later": (ZIP, lambda: archive({"1.jpg": b"x", "mimetype": b"image/jpeg"})),
    "programs inside": (ZIP, lambda: archive({"a/app.jar": b"x", "a/AndroidManifest.xml": b""})),
    "colons": (ZIP, lambda: archive({"1:1/hero.jpg": b"x", "A: front.jpg": b"y", "b:c": b"z"})),
    "repetitive text": (ZIP, lambda: archive({"log.csv": b"sku;name;2026-01-01;ok\n" * 400_000})),
    "repetitive text of 60 MB": (
        ZIP,
        lambda: archive({"log.csv": (b"%d;shoe;" % 7 + sample_image().tobytes()[:200]) * 280_000}),
    ),
    "saved with every option": (JPEG, lambda: encoded(sample_image(), JPEG, progressive=True)
                                + b"\x00"),
}  # fmt: skip
