"""Sample images of every accepted kind for the tests of the conversion."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pyvips
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageOps, ImageStat
from PIL.PngImagePlugin import PngInfo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# The same profile under another name: the export must keep exactly these bytes.
STUDIO = SRGB.replace("sRGB built-in".encode("utf-16-be"), "Studio RGB v2".encode("utf-16-be"))
GPS_MARKER = b"GPS-DATUM-MARK"  # no encoder writes it by itself
XMP_MARKER = b"exif:GPSLatitude"
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="52,31.2N"/></rdf:RDF>'
    b"</x:xmpmeta><?xpacket end='w'?>"
)
SIZE = (60, 40)
CORNER = (220, 40, 30)  # of the top left quarter, which shows how an image is rotated
ORIENTATION, GPS_IFD, GPS_DATUM, GPS_LATITUDE = 0x0112, 0x8825, 18, 2


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a blue image with a red quarter at its top left."""
    image = Image.new("RGB", size, (30, 60, 200))
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), fill=CORNER)
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int = 1) -> bytes:
    """Return EXIF with an orientation and a location."""
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    tags.get_ifd(GPS_IFD)[GPS_LATITUDE] = (52.0, 31.0, 12.0)
    tags.get_ifd(GPS_IFD)[GPS_DATUM] = GPS_MARKER.decode()
    return tags.tobytes()


def transparent() -> Image.Image:
    """Return a scene whose right half is fully transparent black."""
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (SIZE[0] // 2, 0, *SIZE))
    return image


def palette_with_hole() -> bytes:
    image = scene().quantize(8)
    hole = image.getpixel((SIZE[0] - 1, SIZE[1] - 1))
    return encoded(image, "PNG", transparency=hole)


def sixteen_bit_grey() -> bytes:
    values = struct.pack("<2400H", *(index * 27 for index in range(2400)))
    return encoded(Image.frombytes("I;16", SIZE, values), "PNG", icc_profile=None)


def sixteen_bit_rgb() -> bytes:
    """Return a PNG with 16 bits a channel, which Pillow cannot write."""
    width, height = SIZE
    row = b"\0" + struct.pack(">3H", 0x1234, 0x8001, 0xFEDC) * width
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(row * height)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def animation_of(kind: str) -> bytes:
    """Return three frames; the first is the scene, the others are green."""
    rest = [Image.new("RGB", SIZE, (0, 200, 0))] * 2
    return encoded(scene(), kind, save_all=True, append_images=rest, duration=40)


def cmyk(icc: bytes | None = None) -> bytes:
    return encoded(scene().convert("CMYK"), "JPEG", quality=95, icc_profile=icc)


def png_with_location() -> bytes:
    note = PngInfo()
    note.add_text("Comment", GPS_MARKER.decode())
    note.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return encoded(scene(), "PNG", pnginfo=note, exif=exif(), icc_profile=STUDIO)


KINDS: dict[str, Callable[[], bytes]] = {
    "rgb jpeg": lambda: encoded(scene(), "JPEG", quality=95, icc_profile=STUDIO),
    "rgb png": lambda: encoded(scene(), "PNG", icc_profile=STUDIO),
    "rgb webp": lambda: encoded(scene(), "WEBP", quality=95, icc_profile=STUDIO),
    "rgb avif": lambda: encoded(scene(), "AVIF", quality=95, icc_profile=STUDIO),
    "rgb progressive jpeg": lambda: encoded(scene(), "JPEG", quality=95, progressive=True),
    "rgba png": lambda: encoded(transparent(), "PNG"),
    "rgba webp": lambda: encoded(transparent(), "WEBP", lossless=True),
    "rgba avif": lambda: encoded(transparent(), "AVIF", quality=95),
    "la png": lambda: encoded(transparent().convert("LA"), "PNG"),
    "palette png": lambda: encoded(scene().quantize(8), "PNG"),
    "palette png with a hole": palette_with_hole,
    "grey png": lambda: encoded(scene().convert("L"), "PNG"),
    "grey jpeg": lambda: encoded(scene().convert("L"), "JPEG", quality=95),
    "one bit png": lambda: encoded(scene().convert("1", dither=Image.Dither.NONE), "PNG"),
    "sixteen bit grey png": sixteen_bit_grey,
    "sixteen bit rgb png": sixteen_bit_rgb,
    "cmyk jpeg": cmyk,
    "still gif": lambda: encoded(scene(), "GIF"),
    "moving gif": lambda: animation_of("GIF"),
    "moving webp": lambda: animation_of("WEBP"),
    "moving avif": lambda: animation_of("AVIF"),
    "jpeg with a location": lambda: encoded(
        scene(), "JPEG", quality=95, exif=exif(), xmp=XMP, comment=GPS_MARKER, icc_profile=STUDIO
    ),
    "png with a location": png_with_location,
    "webp with a location": lambda: encoded(
        scene(), "WEBP", quality=95, exif=exif(), xmp=XMP, icc_profile=STUDIO
    ),
    "avif with a location": lambda: encoded(
        scene(), "AVIF", quality=95, exif=exif(), xmp=XMP, icc_profile=STUDIO
    ),
}


# --- Profiles ---------------------------------------------------------------------------------
def press_profile() -> bytes:
    """Return the CMYK profile of a press that libvips includes."""
    return bytes(pyvips.Operation.call("profile_load", "cmyk"))


def grey_profile() -> bytes:
    """Return a small ICC v2 profile for grey pixels with a gamma of 2.2."""
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", 5) + b"Grey\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0\0\0\0",
        b"wtpt": b"XYZ " + struct.pack(">4x3i", 0xF6D6, 0x10000, 0xD32D),
        b"kTRC": b"curv" + struct.pack(">4xIHxx", 1, 563),
    }
    offset = 128 + 4 + 12 * len(tags)
    index, bodies = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        body = tag + bytes(-len(tag) % 4)
        index += name + struct.pack(">II", offset + len(bodies), len(tag))
        bodies += body
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x3i48x", offset + len(bodies), 0x02400000, b"mntr", b"GRAY", b"XYZ ",
        b"acsp", 0xF6D6, 0x10000, 0xD32D,
    )  # fmt: skip
    return head + index + bodies


def opened(body: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two images, from 0 to 255."""
    delta = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return sum(ImageStat.Stat(delta).mean) / 3


def as_displayed(content: bytes) -> Image.Image:
    """Return the first frame as a viewer shows it: upright, on white, in eight bits."""
    image = ImageOps.exif_transpose(opened(content))
    if image.mode == "I;16":
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
