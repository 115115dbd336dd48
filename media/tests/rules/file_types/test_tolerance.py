import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from media.errors import ContentTypeMismatchError
from media.rules.file_types import image_header
from media.rules.file_types.content_types import FILE_TYPES
from media.rules.file_types.image_ranges import image_ranges
from media.rules.file_types.structure import require_complete
from media.rules.formats import tiff
from media.tests.rules.file_types.specimens import (
    NOT_ACCEPTED_FILES,
    animation,
    archive,
    box,
    ftyp,
    mp4,
    still,
)
from media.tests.rules.file_types.tolerated import TOLERATED


@pytest.mark.covers("T31", "T32", "T33")
@pytest.mark.parametrize(("content_type", "build"), TOLERATED.values(), ids=TOLERATED)
def test_files_that_every_viewer_shows_are_accepted(
    content_type: str, build: Callable[[], bytes]
) -> None:
    file = io.BytesIO(build())

    require_complete(file, content_type)
    if FILE_TYPES[content_type].is_image:
        image_header.require_within_limits(image_header.measure(file, content_type))


@pytest.mark.parametrize(
    "name", ["motion photo", "stray text", "image/png and newline", "GIF junk after a frame"]
)
def test_the_image_ranges_exclude_stray_bytes_and_trailers(name: str) -> None:
    content_type, build = TOLERATED[name]
    content = build()

    ranges = image_ranges(io.BytesIO(content), content_type)
    image_bytes = b"".join(content[start:end] for start, end in ranges)

    assert image_bytes == still(content_type)[: len(image_bytes)]
    assert len(still(content_type)) - len(image_bytes) <= 1  # a GIF's trailer, behind the junk


def test_a_clean_image_is_one_range() -> None:
    for content_type in (kind for kind, file_type in FILE_TYPES.items() if file_type.is_image):
        content = still(content_type)
        assert image_ranges(io.BytesIO(content), content_type) == [(0, len(content))]


# --- Messages of refusals ---------------------------------------------------------------------
def tiff_with(make: bytes, *tags: int) -> bytes:
    """Return the start of a TIFF with a camera maker and some other tags."""
    entries = [(271, len(make), 400), *((tag, 1, 0) for tag in tags)]
    lines = b"".join(struct.pack("<HHII", tag, 2, count, value) for tag, count, value in entries)
    head = b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(entries)) + lines
    return head.ljust(400, b"\x00") + make + bytes(60)


AUDIO_ONLY = mp4().replace(b"vide", b"soun")
REFUSED = {
    "heic": (NOT_ACCEPTED_FILES["heic"], "image/jpeg",
             "This is a HEIC photo. Export it as JPEG and upload again."),
    "tiff": (NOT_ACCEPTED_FILES["tiff big"], "image/jpeg",
             "This is a TIFF image. Export it as JPEG and upload again."),
    "bigtiff": (b"II+\x00\x08\x00\x00\x00" + bytes(60), "image/jpeg",
                "This is a TIFF image. Export it as JPEG and upload again."),
    "android bundle": (archive({"BundleConfig.pb": b"x", "base/dex/classes.dex": b"x"}),
                       "application/zip",
                       ("This is an Android app (APK)."
                        " Upload the photos themselves, or a ZIP archive of them.")),
    "jar in lower case": (archive({"meta-inf/manifest.mf": b"Manifest-Version: 1.0"}),
                          "application/zip",
                          ("This is a Java program archive (JAR)."
                           " Upload the photos themselves, or a ZIP archive of them.")),
    "openraster": (archive({"mimetype": b"image/openraster", "stack.xml": b"<image/>"}),
                   "application/zip",
                   "This is an OpenRaster drawing (ORA). Export it as JPEG and upload again."),
    "nef": (tiff_with(b"NIKON CORPORATION\x00", 330), "image/jpeg",
            "This is a camera RAW photo (Nikon NEF). Export it as JPEG and upload again."),
    "arw": (tiff_with(b"SONY\x00", 330), "image/jpeg",
            "This is a camera RAW photo (Sony ARW). Export it as JPEG and upload again."),
    "dng": (tiff_with(b"Leica\x00", 50706), "image/jpeg",
            "This is a camera RAW photo (DNG). Export it as JPEG and upload again."),
    "cr2": (NOT_ACCEPTED_FILES["canon cr2"], "image/jpeg",
            "This is a camera RAW photo (Canon CR2). Export it as JPEG and upload again."),
    "cr3": (NOT_ACCEPTED_FILES["canon cr3"], "image/jpeg",
            "This is a camera RAW photo (Canon CR3). Export it as JPEG and upload again."),
    "raf": (b"FUJIFILMCCD-RAW 0201" + bytes(60), "image/jpeg",
            "This is a camera RAW photo (Fujifilm RAF). Export it as JPEG and upload again."),
    "orf": (b"IIRO\x08\x00\x00\x00" + bytes(60), "image/jpeg",
            "This is a camera RAW photo (Olympus ORF). Export it as JPEG and upload again."),
    "psd": (NOT_ACCEPTED_FILES["psd"], "image/png",
            "This is a Photoshop document (PSD). Export it as JPEG and upload again."),
    "bmp": (NOT_ACCEPTED_FILES["bmp"], "image/png",
            "This is a BMP image. Export it as JPEG and upload again."),
    "svg": (NOT_ACCEPTED_FILES["svg"], "image/png",
            "This is an SVG drawing. Export it as PNG and upload again."),
    "mov": (NOT_ACCEPTED_FILES["quicktime"], "video/mp4",
            "This is a QuickTime movie (MOV). Export it as MP4 and upload again."),
    "mov without brands": (mp4()[32:], "video/mp4",
                           "This is a QuickTime movie (MOV). Export it as MP4 and upload again."),
    "m4a": (NOT_ACCEPTED_FILES["m4a"], "audio/mpeg",
            ("This is MPEG-4 audio (M4A)."
            " Export it as MP3 and upload again.")),
    "audio in mp4": (AUDIO_ONLY, "video/mp4",
                     ("This is MPEG-4 audio (M4A)."
                     " Export it as MP3 and upload again.")),
    "audio in mp4 behind free": (box(b"free") + AUDIO_ONLY, "video/mp4",
                                 ("This is MPEG-4 audio (M4A)."
                                 " Export it as MP3 and upload again.")),
    "wav": (
        NOT_ACCEPTED_FILES["wav"],
        "audio/mpeg",
        "This is WAV audio. Export it as MP3 and upload again.",
    ),
    "rar": (NOT_ACCEPTED_FILES["rar"], "application/zip",
            "This is a RAR archive. Pack the files into a ZIP archive and upload again."),
    "7z": (NOT_ACCEPTED_FILES["7z"], "application/zip",
           "This is a 7z archive. Pack the files into a ZIP archive and upload again."),
    "jpeg as png": (still("image/jpeg"), "image/png",
                    ("This is a JPEG photo, but it was declared as image/png."
                    " Declare it as image/jpeg and upload again.")),
    "docx as pdf": (NOT_ACCEPTED_FILES["docx"], "application/pdf",
                    "This is a Word document (DOCX). Export it as PDF and upload again."),
    "page": (NOT_ACCEPTED_FILES["html"], "image/jpeg",
             ("This is a web page (HTML)."
             " Upload a JPEG, PNG, WebP, GIF, AVIF, PDF, MP4, MP3 or ZIP file.")),
    "unknown": (NOT_ACCEPTED_FILES["zeros"], "image/jpeg",
                ("This is not a JPEG photo or any other known file type."
                " Upload a JPEG, PNG, WebP, GIF, AVIF, PDF, MP4, MP3 or ZIP file.")),
}  # fmt: skip
PROGRAMS = {
    "jar": ({"META-INF/MANIFEST.MF": b"Main-Class: A", "A.class": b"x"},
            "application/java-archive", "a Java program archive (JAR)"),
    "jar with a picture first": ({"icon.png": b"x", "META-INF/MANIFEST.MF": b"Main-Class: A"},
                                 "application/java-archive", "a Java program archive (JAR)"),
    "apk": ({"AndroidManifest.xml": b"x", "META-INF/MANIFEST.MF": b"", "classes.dex": b"x"},
            "application/vnd.android.package-archive", "an Android app (APK)"),
    "ipa": ({"Payload/Shop.app/Info.plist": b"x"}, "application/x-ios-app", "an iOS app (IPA)"),
    "docx": ({"word/document.xml": b"x", "[Content_Types].xml": b"<Types/>"},
             "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
             "a Word document (DOCX)"),
    "xlsx": ({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"x"},
             "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
             "an Excel workbook (XLSX)"),
    "pptx": ({"[Content_Types].xml": b"<Types/>", "ppt/presentation.xml": b"x"},
             "application/vnd.openxmlformats-officedocument.presentationml.presentation",
             "a PowerPoint file (PPTX)"),
    "odt": ({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"x"},
            "application/vnd.oasis.opendocument.text", "an OpenDocument text (ODT)"),
    "epub": ({"mimetype": b"application/epub+zip", "META-INF/container.xml": b"x"},
             "application/epub+zip", "an e-book (EPUB)"),
    "package": ({"[Content_Types].xml": b"<Types/>", "3D/model.model": b"x"},
                "application/vnd.openxmlformats-package", "an Office document"),
    "pages": ({"Index/Document.iwa": b"x", "preview.jpg": b"x"},
              "application/vnd.apple.iwork", "a Pages, Numbers or Keynote document"),
}  # fmt: skip


@pytest.mark.covers("T30", "T34")
@pytest.mark.parametrize(("content", "declared", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_says_what_the_file_is_and_what_to_do(
    content: bytes, declared: str, sentence: str
) -> None:
    with pytest.raises(ContentTypeMismatchError) as excinfo:
        require_complete(io.BytesIO(content), declared)

    assert excinfo.value.detail == sentence
    assert excinfo.value.code == "content_type_mismatch"


@pytest.mark.covers("T30", "T32")
@pytest.mark.parametrize(("entries", "detected", "name"), PROGRAMS.values(), ids=PROGRAMS)
def test_programs_and_documents_are_not_accepted_as_zip(
    entries: dict[str, bytes], detected: str, name: str
) -> None:
    with pytest.raises(ContentTypeMismatchError) as excinfo:
        require_complete(io.BytesIO(archive(entries)), "application/zip")

    assert excinfo.value.ctx == {"declared": "application/zip", "detected": detected}
    assert excinfo.value.detail.startswith(f"This is {name}. ")


def test_every_file_of_a_known_other_type_is_named() -> None:
    unnamed_types = set()
    for name, content in NOT_ACCEPTED_FILES.items():
        with pytest.raises(ContentTypeMismatchError) as excinfo:
            require_complete(io.BytesIO(content), "image/webp")
        if "known file type" in excinfo.value.detail and excinfo.value.ctx["detected"]:
            unnamed_types.add(name)

    assert unnamed_types <= {"ttf", "woff2", "sqlite", "wasm"}


def test_a_tiff_without_a_camera_stays_a_tiff() -> None:
    assert tiff.raw_type(NOT_ACCEPTED_FILES["tiff little"]) is None
    assert tiff.raw_type(tiff_with(b"Acme Scanner\x00", 330)) is None
    assert tiff.raw_type(b"II*\x00\xff\xff\xff\xff") is None


def test_brands_after_other_boxes_are_found() -> None:
    quicktime_file = box(b"free", bytes(90_000)) + ftyp(b"qt  ", b"qt  ") + mp4()[32:]

    with pytest.raises(ContentTypeMismatchError) as excinfo:
        require_complete(io.BytesIO(quicktime_file), "video/mp4")

    assert excinfo.value.ctx["detected"] == "video/quicktime"


def test_frames_after_stray_zeros_are_counted(tmp_path: Path) -> None:
    content_type, build = TOLERATED["GIF zeros between frames"]

    assert image_header.measure(io.BytesIO(build()), content_type) == image_header.measure(
        io.BytesIO(animation(content_type)), content_type
    )
