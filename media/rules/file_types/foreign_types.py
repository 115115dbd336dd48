"""Messages for files of types that are not accepted: what the file is and what to do."""

from dataclasses import dataclass

from media.errors import ContentTypeMismatchError

_JPEG = "Export it as JPEG and upload again."
_PDF = "Export it as PDF and upload again."
_MP4 = "Export it as MP4 and upload again."
_MP3 = "Export it as MP3 and upload again."
_ZIP = "Pack the files into a ZIP archive and upload again."
_FILES = "Upload the photos themselves, or a ZIP archive of them."
_ACCEPTED = "Upload a JPEG, PNG, WebP, GIF, AVIF, PDF, MP4, MP3 or ZIP file."


@dataclass(frozen=True)
class ForeignType:
    """One type of file: its common name with an article, and how to get an accepted file."""

    name: str
    advice: str


def _raw(name: str) -> ForeignType:
    return ForeignType(f"a camera RAW photo ({name})", _JPEG)


_ACCEPTED_NAMES = {
    "image/jpeg": "a JPEG photo",
    "image/png": "a PNG image",
    "image/webp": "a WebP image",
    "image/gif": "a GIF image",
    "image/avif": "an AVIF image",
    "application/zip": "a ZIP archive",
    "application/pdf": "a PDF document",
    "video/mp4": "an MP4 video",
    "audio/mpeg": "MP3 audio",
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_FOREIGN = {
    "image/heic": ForeignType("a HEIC photo", _JPEG),
    "image/tiff": ForeignType("a TIFF image", _JPEG),
    "image/x-canon-cr2": _raw("Canon CR2"),
    "image/x-canon-cr3": _raw("Canon CR3"),
    "image/x-canon-crw": _raw("Canon CRW"),
    "image/x-nikon-nef": _raw("Nikon NEF"),
    "image/x-sony-arw": _raw("Sony ARW"),
    "image/x-adobe-dng": _raw("DNG"),
    "image/x-fuji-raf": _raw("Fujifilm RAF"),
    "image/x-olympus-orf": _raw("Olympus ORF"),
    "image/x-panasonic-rw2": _raw("Panasonic RW2"),
    "image/x-pentax-pef": _raw("Pentax PEF"),
    "image/x-samsung-srw": _raw("Samsung SRW"),
    "image/x-hasselblad-3fr": _raw("Hasselblad 3FR"),
    "image/x-phaseone-iiq": _raw("Phase One IIQ"),
    "image/x-leaf-mos": _raw("Leaf MOS"),
    "image/x-kodak-dcr": _raw("Kodak DCR"),
    "image/x-sigma-x3f": _raw("Sigma X3F"),
    "image/vnd.adobe.photoshop": ForeignType("a Photoshop document (PSD)", _JPEG),
    "image/x-xcf": ForeignType("a GIMP document (XCF)", _JPEG),
    "image/openraster": ForeignType("an OpenRaster drawing (ORA)", _JPEG),
    "application/x-krita": ForeignType("a Krita document (KRA)", _JPEG),
    "image/bmp": ForeignType("a BMP image", _JPEG),
    "image/x-icon": ForeignType("an icon (ICO)", "Export it as PNG and upload again."),
    "image/svg+xml": ForeignType("an SVG drawing", "Export it as PNG and upload again."),
    "image/jp2": ForeignType("a JPEG 2000 image", _JPEG),
    "image/jpx": ForeignType("a JPEG 2000 image", _JPEG),
    "image/jpm": ForeignType("a JPEG 2000 image", _JPEG),
    "image/jxl": ForeignType("a JPEG XL image", _JPEG),
    "image/vnd.ms-photo": ForeignType("a JPEG XR image", _JPEG),
    "image/vnd.dwg": ForeignType("a CAD drawing (DWG)", _PDF),
    "application/dicom": ForeignType("a medical image (DICOM)", _JPEG),
    "application/postscript": ForeignType("a PostScript file (EPS or AI)", _PDF),
    "video/quicktime": ForeignType("a QuickTime movie (MOV)", _MP4),
    "video/3gpp": ForeignType("a 3GP video", _MP4),
    "video/mj2": ForeignType("a Motion JPEG 2000 video", _MP4),
    "video/x-f4v": ForeignType("a Flash video (F4V)", _MP4),
    "video/x-flv": ForeignType("a Flash video (FLV)", _MP4),
    "video/webm": ForeignType("a WebM video", _MP4),
    "video/x-matroska": ForeignType("a Matroska video (MKV)", _MP4),
    "video/x-msvideo": ForeignType("an AVI video", _MP4),
    "video/x-ms-wmv": ForeignType("a Windows Media file (WMV or WMA)", _MP4),
    "video/mpeg": ForeignType("an MPEG video (MPG)", _MP4),
    "audio/mp4": ForeignType("MPEG-4 audio (M4A)", _MP3),
    "audio/x-wav": ForeignType("WAV audio", _MP3),
    "audio/x-aiff": ForeignType("AIFF audio", _MP3),
    "audio/x-flac": ForeignType("FLAC audio", _MP3),
    "audio/ogg": ForeignType("Ogg audio", _MP3),
    "audio/aac": ForeignType("AAC audio", _MP3),
    "audio/amr": ForeignType("AMR audio", _MP3),
    "audio/midi": ForeignType("a MIDI file", _MP3),
    _OFFICE + "wordprocessingml.document": ForeignType("a Word document (DOCX)", _PDF),
    _OFFICE + "spreadsheetml.sheet": ForeignType("an Excel workbook (XLSX)", _PDF),
    _OFFICE + "presentationml.presentation": ForeignType("a PowerPoint file (PPTX)", _PDF),
    "application/vnd.openxmlformats-package": ForeignType("an Office document", _PDF),
    "application/vnd.ms-excel.sheet.binary.macroenabled.12": ForeignType(
        "an Excel workbook (XLSB)", _PDF
    ),
    "application/vnd.apple.iwork": ForeignType("a Pages, Numbers or Keynote document", _PDF),
    "application/x-ole-storage": ForeignType("an old Office document (DOC, XLS or PPT)", _PDF),
    "application/msword": ForeignType("a Word document (DOC)", _PDF),
    "application/vnd.ms-excel": ForeignType("an Excel workbook (XLS)", _PDF),
    "application/vnd.ms-powerpoint": ForeignType("a PowerPoint file (PPT)", _PDF),
    _OPEN + "text": ForeignType("an OpenDocument text (ODT)", _PDF),
    _OPEN + "spreadsheet": ForeignType("an OpenDocument spreadsheet (ODS)", _PDF),
    _OPEN + "presentation": ForeignType("an OpenDocument presentation (ODP)", _PDF),
    "application/epub+zip": ForeignType("an e-book (EPUB)", _PDF),
    "application/rtf": ForeignType("an RTF document", _PDF),
    "application/java-archive": ForeignType("a Java program archive (JAR)", _FILES),
    "application/vnd.android.package-archive": ForeignType("an Android app (APK)", _FILES),
    "application/x-ios-app": ForeignType("an iOS app (IPA)", _FILES),
    "application/x-rar-compressed": ForeignType("a RAR archive", _ZIP),
    "application/x-7z-compressed": ForeignType("a 7z archive", _ZIP),
    "application/gzip": ForeignType("a gzip archive", _ZIP),
    "application/x-tar": ForeignType("a TAR archive", _ZIP),
    "application/x-bzip2": ForeignType("a bzip2 archive", _ZIP),
    "application/x-xz": ForeignType("an xz archive", _ZIP),
    "application/zstd": ForeignType("a Zstandard archive", _ZIP),
    "application/vnd.ms-cab-compressed": ForeignType("a CAB archive", _ZIP),
    "application/x-msdownload": ForeignType("a Windows program", _ACCEPTED),
    "application/x-executable": ForeignType("a program", _ACCEPTED),
    "text/x-script": ForeignType("a script", _ACCEPTED),
    "text/html": ForeignType("a web page (HTML)", _ACCEPTED),
    "application/xml": ForeignType("an XML file", _ACCEPTED),
    "text/plain": ForeignType("a text file", _ACCEPTED),
}
# Other spellings of these types by browsers and tools.
_ALIASES = {
    "image/heif": "image/heic",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heic",
    "image/tif": "image/tiff",
    "image/x-tiff": "image/tiff",
    "image/dng": "image/x-adobe-dng",
    "image/x-dng": "image/x-adobe-dng",
    "image/x-fujifilm-raf": "image/x-fuji-raf",
    "image/x-photoshop": "image/vnd.adobe.photoshop",
    "application/x-photoshop": "image/vnd.adobe.photoshop",
    "image/x-ms-bmp": "image/bmp",
    "image/vnd.microsoft.icon": "image/x-icon",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/wav": "audio/x-wav",
    "audio/wave": "audio/x-wav",
    "audio/flac": "audio/x-flac",
    "application/vnd.rar": "application/x-rar-compressed",
    "application/x-rar": "application/x-rar-compressed",
    "application/x-gzip": "application/gzip",
    "application/x-msdos-program": "application/x-msdownload",
    "text/xml": "application/xml",
}


def sentence(content_type: str) -> str | None:
    """Return what a file that is not accepted is, and what to do; None for an unknown type."""
    foreign_type = _FOREIGN.get(_ALIASES.get(content_type, content_type))
    return f"This is {foreign_type.name}. {foreign_type.advice}" if foreign_type else None


def mismatch(*, declared: str, detected: str | None) -> ContentTypeMismatchError:
    """Return the error for bytes that are not of the declared type."""
    if detected in _ACCEPTED_NAMES:
        text = (
            f"This is {_ACCEPTED_NAMES[detected]}, but it was declared as {declared}."
            f" Declare it as {detected} and upload again."
        )
    else:
        explanation = detected and sentence(detected)
        text = (
            explanation
            or f"This is not {_ACCEPTED_NAMES[declared]} or any other known file type. {_ACCEPTED}"
        )
    return ContentTypeMismatchError(text, ctx={"declared": declared, "detected": detected})
