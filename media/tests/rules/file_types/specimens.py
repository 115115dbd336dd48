"""Small files for the tests: accepted types, other types and bombs."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IMAGE_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/avif": "AVIF",
}


# --- Images -----------------------------------------------------------------------------------
def sample_image(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return an image with much detail: half of its encoded bytes do not decode to all pixels."""
    width, height = size
    return Image.frombytes(
        "RGB",
        size,
        bytes((x * 5 + y * 3 * band) % 256 for y in range(height) for x in range(width)
              for band in range(3)),
    ).convert(mode)  # fmt: skip


def encoded(image: Image.Image, content_type: str, **options: Any) -> bytes:
    """Return the bytes of an image in one of the five formats."""
    buffer = io.BytesIO()
    image.save(buffer, IMAGE_FORMATS[content_type], **options)
    return buffer.getvalue()


def still(content_type: str) -> bytes:
    """Return a still image of 64 by 48 pixels."""
    return encoded(sample_image(), content_type)


def jpeg_with_channels(channels: int) -> bytes:
    """Return a JPEG whose frame header declares this number of color channels."""
    grey = encoded(Image.new("L", (16, 16)), "image/jpeg")
    header = grey[grey.index(b"\xff\xc0") :][:13]  # ends with the entry of its one channel
    entries = b"".join(bytes([number, 0x11, 0]) for number in range(1, channels + 1))
    length = (8 + len(entries)).to_bytes(2, "big")
    return grey.replace(header, b"\xff\xc0" + length + header[4:9] + bytes([channels]) + entries)


def animation(
    content_type: str, frames: int = 3, size: tuple[int, int] = (64, 48), **options: Any
) -> bytes:
    """Return an animation; each frame has another colour."""
    if content_type == "image/avif":
        options.setdefault("speed", 10)
    first, *rest = (
        Image.new("RGB", size, (index * 37 % 256, index * 11 % 256, index * 71 % 256))
        for index in range(frames)
    )
    return encoded(first, content_type, save_all=True, append_images=rest, duration=40, **options)


# --- Boxes, chunks, frames ----------------------------------------------------------------------
def box(kind: bytes, *parts: bytes) -> bytes:
    """Return one ISO media box."""
    payload = b"".join(parts)
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def ftyp(main: bytes, *compatible: bytes) -> bytes:
    """Return the box with the brands of a file."""
    return box(b"ftyp", main, bytes(4), *compatible)


def mp4(*, seconds: int = 3) -> bytes:
    """Return an MP4 with an index of one video track and a little data."""
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    mvhd = box(
        b"mvhd",
        struct.pack(">IIIIIIH10x", 0, 0, 0, 1000, seconds * 1000, 0x10000, 0x0100),
        matrix,
        bytes(24),
        struct.pack(">I", 2),
    )
    tkhd = box(
        b"tkhd",
        struct.pack(">IIIIII8xHHHH", 3, 0, 0, 1, 0, seconds * 1000, 0, 0, 0, 0),
        matrix,
        struct.pack(">II", 320 << 16, 240 << 16),
    )
    mdhd = box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 1000, seconds * 1000, 0x55C4, 0))
    hdlr = box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"vide"), b"video\x00")
    sample_description = struct.pack(
        ">H16xHHII4xH32xHh", 1, 320, 240, 72 << 16, 72 << 16, 1, 24, -1
    )
    entry = box(b"avc1", bytes(6), sample_description)
    stbl = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), entry),
        box(b"stts", struct.pack(">IIII", 0, 1, seconds, 1000)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, seconds, 1)),
        box(b"stsz", struct.pack(">III", 0, 100, seconds)),
        box(b"stco", struct.pack(">III", 0, 1, 40)),
    )
    minf = box(b"minf", box(b"vmhd", struct.pack(">I8x", 1)), stbl)
    trak = box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf))
    start = ftyp(b"isom", b"isom", b"iso2", b"avc1", b"mp41")
    return start + box(b"mdat", bytes(100 * seconds)) + box(b"moov", mvhd, trak)


def mp3(*, frames: int = 40, tag: bool = True) -> bytes:
    """Return silence: MPEG 1 Layer III frames of 417 bytes, 128 kbit/s at 44,100 Hz."""
    head = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10) if tag else b""
    return head + (b"\xff\xfb\x90\x64" + bytes(413)) * frames


def pdf() -> bytes:
    """Return a PDF of one empty page."""
    objects = (
        b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
        b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n",
        b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>\nendobj\n",
    )
    body = b"%PDF-1.4\n"
    table = b"xref\n0 4\n0000000000 65535 f \n"
    for pdf_object in objects:
        table += b"%010d 00000 n \n" % len(body)
        body += pdf_object
    trailer = b"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + table + trailer


def archive(entries: dict[str, bytes] | None = None) -> bytes:
    """Return a ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in (entries or {"look/1.txt": b"one", "look/2.txt": b"two" * 50}).items():
            file.writestr(name, body)
    return buffer.getvalue()


VALID_FILES: dict[str, Callable[[], bytes]] = {
    **{name: lambda name=name: still(name) for name in IMAGE_FORMATS},  # type: ignore[misc] # bound early
    "application/zip": archive,
    "application/pdf": pdf,
    "video/mp4": mp4,
    "audio/mpeg": mp3,
}


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk with its CRC."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, pixels: bytes = b"", *more: bytes) -> bytes:
    """Return a grey PNG that declares any size, regardless of its pixels."""
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            *more,
            png_chunk(b"IDAT", zlib.compress(pixels)),
            png_chunk(b"IEND", b""),
        )
    )


def gif(width: int, height: int, frames: int = 1) -> bytes:
    """Return a GIF that declares any screen, with frames of one pixel."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    table = b"\x00\x00\x00\xff\xff\xff"
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + table + frame * frames + b";"
    )


def webp(width: int, height: int) -> bytes:
    """Return a WebP whose extended header declares any canvas around a tiny image."""
    inner = still("image/webp")[12:]
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas + inner
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def avif(width: int, height: int) -> bytes:
    """Return an AVIF whose size property was overwritten."""
    whole = still("image/avif")
    offset = whole.index(b"ispe") + 8
    return whole[:offset] + struct.pack(">II", width, height) + whole[offset + 8 :]


def scans(count: int, size: tuple[int, int]) -> bytes:
    """Return a small progressive JPEG that makes a decoder pass `count` times over its pixels."""
    whole = encoded(Image.new("L", size), "image/jpeg", progressive=True)
    offset = whole.rindex(b"\xff\xda")
    return whole[:offset] + whole[offset:-2] * (count - whole.count(b"\xff\xda") + 1) + whole[-2:]


def jpeg(width: int, height: int) -> bytes:
    """Return a JPEG whose frame header was overwritten."""
    whole = still("image/jpeg")
    offset = whole.index(b"\xff\xc0") + 5
    return whole[:offset] + struct.pack(">HH", height, width) + whole[offset + 4 :]


WITH_DECLARED_SIZE: dict[str, Callable[[int, int], bytes]] = {
    "image/jpeg": jpeg,
    "image/png": png,
    "image/gif": gif,
    "image/webp": webp,
    "image/avif": avif,
}

# --- Files that are not accepted ----------------------------------------------------------------
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NOT_ACCEPTED_FILES: dict[str, bytes] = {
    "html": b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "html after spaces": b"  \n\t<html><body></body></html>",
    "svg": _SVG,
    "svg with declaration": b'<?xml version="1.0"?>' + _SVG,
    "svgz": b"\x1f\x8b\x08\x00" + bytes(60),
    "xml": b'<?xml version="1.0"?><a/>',
    "javascript": b"alert(document.cookie);//",
    "javascript named GIF": b"GIF=1;alert(1)//",
    "json": b'{"a": 1}',
    "csv": b"sku,name\n1,shoe\n",
    "text": b"just words",
    "utf-16 text": "words".encode("utf-16"),
    "css": b"body{}",
    "php": b"<?php system($_GET['c']); ?>",
    "shell script": b"#!/bin/sh\nrm -rf /\n",
    "python": b"import os\n",
    "rtf": b"{\\rtf1\\ansi}",
    "postscript": b"%!PS-Adobe-3.0\n",
    "eps": b"\xc5\xd0\xd3\xc6" + bytes(60),
    "pdf after two kilobytes": b"junk" * 512 + pdf(),
    "pdf after a page": b"<!DOCTYPE html><html></html>" + pdf(),
    "exe": b"MZ\x90\x00" + bytes(120),
    "elf": b"\x7fELF\x02\x01\x01" + bytes(60),
    "mach-o": b"\xcf\xfa\xed\xfe" + bytes(60),
    "java class": b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(60),
    "wasm": b"\x00asm\x01\x00\x00\x00",
    "sqlite": b"SQLite format 3\x00" + bytes(100),
    "ole document": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "docx": archive({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}),
    "epub": b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip" + bytes(60),
    "rar": b"Rar!\x1a\x07\x01\x00" + bytes(60),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(60),
    "gzip": b"\x1f\x8b\x08\x08" + bytes(60),
    "bzip2": b"BZh91AY&SY" + bytes(60),
    "xz": b"\xfd7zXZ\x00" + bytes(60),
    "zstandard": b"\x28\xb5\x2f\xfd" + bytes(60),
    "tar": bytes(257) + b"ustar\x0000" + bytes(255),
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00",
    "tiff little": b"II*\x00" + bytes(120),
    "tiff big": b"MM\x00*" + bytes(120),
    "canon cr2": b"II*\x00\x10\x00\x00\x00CR" + bytes(120),
    "canon cr3": ftyp(b"crx ", b"crx ", b"isom"),
    "psd": b"8BPS\x00\x01" + bytes(120),
    "bmp": b"BM" + bytes(120),
    "ico": b"\x00\x00\x01\x00\x01\x00" + bytes(60),
    "heic": ftyp(b"heic", b"mif1", b"heic"),
    "heic with mp4 brands": ftyp(b"heix", b"mif1", b"isom", b"mp42"),
    "heif sequence": ftyp(b"hevc", b"msf1", b"hevc", b"iso8"),
    "jpeg 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + ftyp(b"jp2 ", b"jp2 ") + bytes(60),
    "jpeg xl": b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(60),
    "jpeg xr": b"II\xbc\x01" + bytes(60),
    "quicktime": ftyp(b"qt  ", b"qt  "),
    "m4a": ftyp(b"M4A ", b"M4A ", b"mp42", b"isom"),
    "3gp": ftyp(b"3gp4", b"3gp4", b"isom"),
    "matroska": b"\x1a\x45\xdf\xa3" + bytes(20) + b"\x42\x82\x88matroska" + bytes(60),
    "webm": b"\x1a\x45\xdf\xa3" + bytes(20) + b"\x42\x82\x84webm" + bytes(60),
    "avi": b"RIFF\x10\x00\x00\x00AVI LIST" + bytes(60),
    "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(60),
    "riff without form": b"RIFF\x24\x00\x00\x00" + bytes(60),
    "flv": b"FLV\x01\x05" + bytes(60),
    "mpeg video": b"\x00\x00\x01\xba" + bytes(60),
    "wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9" + bytes(60),
    "ogg": b"OggS\x00\x02" + bytes(60),
    "flac": b"fLaC\x00\x00\x00\x22" + bytes(60),
    "aac": b"\xff\xf1\x50\x80" + bytes(60),
    "mpeg layer 2": b"\xff\xfd\x90\x64" + bytes(413),
    "midi": b"MThd\x00\x00\x00\x06" + bytes(60),
    "aiff": b"FORM\x00\x00\x00\x10AIFF" + bytes(60),
    "amr": b"#!AMR\n" + bytes(60),
    "woff2": b"wOF2\x00\x01\x00\x00" + bytes(60),
    "ttf": b"\x00\x01\x00\x00\x00" + bytes(60),
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "one byte": b"\xff",
    "half a png signature": b"\x89PNG",
    "half a gif signature": b"GIF8",
}
