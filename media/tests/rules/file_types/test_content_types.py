import pytest

from media.errors import ContentTypeNotAllowedError, ImageRequiredError
from media.rules.file_types import content_types
from media.rules.file_types.content_types import FILE_TYPES, require_acceptable


def test_exactly_nine_types_are_accepted() -> None:
    types = [
        (file_type.content_type, file_type.extension, file_type.resource_type)
        for file_type in FILE_TYPES.values()
    ]

    assert types == [
        ("image/jpeg", "jpg", "IMAGE"),
        ("image/png", "png", "IMAGE"),
        ("image/webp", "webp", "IMAGE"),
        ("image/gif", "gif", "IMAGE"),
        ("image/avif", "avif", "IMAGE"),
        ("application/zip", "zip", "ARCHIVE"),
        ("application/pdf", "pdf", "DOCUMENT"),
        ("video/mp4", "mp4", "VIDEO"),
        ("audio/mpeg", "mp3", "AUDIO"),
    ]


@pytest.mark.parametrize("content_type", FILE_TYPES)
@pytest.mark.parametrize("folder", [None, "", "looks", "Product-Images", "product-images/"])
def test_a_folder_without_rules_accepts_every_type(content_type: str, folder: str | None) -> None:
    assert require_acceptable(content_type, folder).content_type == content_type


@pytest.mark.parametrize("folder", sorted(content_types.IMAGE_FOLDERS))
def test_an_image_folder_accepts_images_only(folder: str) -> None:
    for content_type, file_type in FILE_TYPES.items():
        if file_type.is_image:
            assert require_acceptable(content_type, folder) == file_type
        else:
            with pytest.raises(ImageRequiredError) as excinfo:
                require_acceptable(content_type, folder)
            assert excinfo.value.code == "image_required"
            assert excinfo.value.value == content_type


@pytest.mark.covers("T34")
@pytest.mark.parametrize(
    ("content_type", "suggested_type"),
    [
        ("image/jpg", "image/jpeg"),
        ("IMAGE/JPEG", "image/jpeg"),
        (" image/png ", "image/png"),
        ("image/png; charset=utf-8", "image/png"),
        ("application/x-zip-compressed", "application/zip"),
        ("audio/mp3", "audio/mpeg"),
        ("application/octet-stream", None),
        ("", None),
        ("image/*", None),
    ],
)
def test_another_spelling_is_refused_with_the_accepted_one(
    content_type: str, suggested_type: str | None
) -> None:
    with pytest.raises(ContentTypeNotAllowedError) as excinfo:
        require_acceptable(content_type)

    assert excinfo.value.code == "content_type_not_allowed"
    assert content_types.suggestion(content_type) == suggested_type
    advice = f"Use {suggested_type}." if suggested_type else "Use one of image/jpeg, image/png"
    assert advice in excinfo.value.detail


@pytest.mark.covers("T34")
@pytest.mark.parametrize(
    ("content_type", "sentence"),
    [
        ("image/heic", "This is a HEIC photo. Export it as JPEG and upload again."),
        ("image/HEIF", "This is a HEIC photo. Export it as JPEG and upload again."),
        ("image/tiff", "This is a TIFF image. Export it as JPEG and upload again."),
        ("image/svg+xml", "This is an SVG drawing. Export it as PNG and upload again."),
        ("image/x-nikon-nef",
         "This is a camera RAW photo (Nikon NEF). Export it as JPEG and upload again."),
        ("video/quicktime", "This is a QuickTime movie (MOV). Export it as MP4 and upload again."),
        ("application/vnd.rar",
         "This is a RAR archive. Pack the files into a ZIP archive and upload again."),
    ],
)  # fmt: skip
def test_a_declared_type_that_is_not_accepted_is_refused_with_advice(
    content_type: str, sentence: str
) -> None:
    with pytest.raises(ContentTypeNotAllowedError) as excinfo:
        require_acceptable(content_type)

    assert excinfo.value.detail == sentence
    assert excinfo.value.ctx["allowed"] == list(FILE_TYPES)
