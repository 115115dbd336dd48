"""The texts of the OpenAPI document: what each property, parameter and shape means.

A text stands under the name of its property, or under `Shape.property` where one shape means
something of its own. A `help_text` of the serializer's field comes first.
"""

from typing import Any, Final

DESCRIPTION: Final = (
    "Files, uploads, exports and bulk imports of Sartiq. Sign in with an e-mail address and a "
    "password, presign an upload, send the bytes, and hand the address to the entity that shows "
    "the file. A refusal of 422 lists its faults; any other refusal is one sentence."
)
TAGS: Final = {
    "login": "Sign in, stay signed in, and check a token.",
    "users": "The caller's own profile, and every user for superusers.",
    "organizations": "Organizations and their members.",
    "uploads": "Signed requests to send files with.",
    "media-resources": "The files that were taken in: their facts and where they are shown.",
    "files": "Addresses of files, as entities show them.",
    "products": "Products and their images.",
    "subjects": "Subjects, such as models, and their cover image.",
    "looks": "Looks: products on a subject, with reference images.",
    "guidelines": "Guidelines and their images.",
    "production-requests": "Requests for the production of looks under a guideline.",
    "bulk-upload": "Imports of many products from one CSV, TSV or XLSX file.",
    "export-configuration": "How exports are named, converted and described.",
    "metadata-adapters": "Formats of the metadata in an export, and wildcards of its names.",
    "exports": "Archives of files, made in the background.",
}
SHAPES: Final = {
    "Blank": "An empty text.",
    "BulkUploadStatus": "How far a bulk upload is.",
    "ConfigurationLevel": "The level that gave a configuration.",
    "Delimiter": "What separates the cells of a table.",
    "EntityType": "A kind of entity that shows files.",
    "ExportStatus": "How far an export is.",
    "GrantType": "The OAuth2 grant.",
    "ImageFormat": "The format images are exported in.",
    "MediaStatus": "`pending` until a file was checked and stored, then `ready` or `failed`.",
    "MemberRole": "What a member may do in an organization.",
    "MetadataAdapter": "The code of a metadata adapter.",
    "ProductField": "A field of a product that a column of a table may bring.",
    "ResourceType": "The kind of a file.",
    "Severity": "An error refuses the row; with a warning the row is imported.",
    "SubjectType": "The kind of a subject.",
    "TableFormat": "The format of a table.",
    "TokenType": "The kind of a token.",
    "ContentType": "A content type that is taken.",
    "ValidationErrorType": "What kind of fault it is; a closed set, listed in docs/errors.md.",
    "MediaFailureCode": "Why a file was not taken in.",
    "ExportFailureCode": "Why there is no archive.",
    "ExportFileFailureCode": "Why a file could not be exported.",
    "BulkUploadFailureCode": "Why a bulk upload as a whole failed or was stopped.",
    "RowErrorCode": "What is wrong with a row or an image of it.",
}
PARAMETERS: Final = {
    "code": "The code of the metadata adapter.",
    "config_id": "The id of the export configuration.",
    "entity_id": "The id of the entity.",
    "file_path": "The path of the file below `/files/`.",
    "job_id": "The id of the bulk upload.",
    "org_id": "The id of the organization.",
    "resource_id": "The id of the media resource.",
    "run_id": "The id of the export.",
    "status": "Only resources of this status.",
    "user_id": "The id of the user.",
}
PROPERTIES: Final = {
    "access_token": "The token to send in the `Authorization` header.",
    "alt_text": "Text that stands for the image.",
    "archive": "The ZIP archive; null until there is one.",
    "attachments": "Where the resource is shown.",
    "back_image": "The image of the back.",
    "brand": "The brand.",
    "caption": "The caption.",
    "client_id": "Not used; common OAuth2 clients send it.",
    "client_secret": "Not used; common OAuth2 clients send it.",
    "code": "What is wrong, as a code for programs.",
    "MetadataAdapterPublic.code": "The adapter's code, as configurations name it.",
    "color": "The colour.",
    "color_profile": "The colour profile of the image.",
    "column": "The column's name in the table; empty when the whole row is meant.",
    "columns": "The columns of the table; empty until it was read.",
    "configuration": "The configuration that answers.",
    "content_type": "The media type of the file.",
    "count": "The length of the whole list.",
    "counts": "How many files have which status.",
    "cover_image": "The cover image.",
    "created": "Rows that created a product.",
    "created_at": "When it was created.",
    "current_password": "The password as it is now.",
    "data": "The part of the list that was asked for.",
    "delimiter": "What separates the cells.",
    "description": "The description.",
    "dialect": "How the table is written; null until it was read.",
    "display_name": "The name for people.",
    "dominant_color": "The most frequent colour, as `#rrggbb`.",
    "done": "Files that are ready or failed.",
    "dry_run": "True when rows are counted and nothing is imported.",
    "duration": "The duration in seconds.",
    "email": "The e-mail address.",
    "encoding": "The text encoding.",
    "entity_id": "The id of the entity that shows the file.",
    "entity_type": "The kind of entity that shows the file.",
    "etag": "The object store's entity tag of the stored bytes.",
    "example": "An example.",
    "expires_at": "When the archive is discarded; null while there is none.",
    "export_configuration": "The configuration the export goes by.",
    "export_configuration_id": "The export configuration of the entity; null when it has none.",
    "extension": "The extension of the file's name.",
    "failed": "How many failed.",
    "failure": "Why it failed as a whole; null when it did not.",
    "failure_code": "Why the file was not taken in; null when it was.",
    "failures": "The first thousand files that failed.",
    "field": "The field the column brings; null when it is ignored.",
    "file_size": "The size in bytes.",
    "file_url": "The address to hand to the entity that shows the file.",
    "filename": "The name of the file.",
    "finished_at": "When it ended; null before.",
    "folder": "What the file is for; some folders take images only.",
    "format": "The format of the table.",
    "full_name": "The full name.",
    "gender": "The gender the product is made for.",
    "grant_type": "The OAuth2 grant; may be left out.",
    "guideline": "The id of the guideline; null when there is none.",
    "height": "The height in pixels.",
    "id": "The id.",
    "image_format": "The format images are exported in.",
    "images": "The images, in order.",
    "is_active": "False when the user may not sign in.",
    "is_customizable": "False when the adapter prescribes its own names.",
    "is_number": "True when the wildcard may be padded, as in `{version:03}`.",
    "is_public": "True when every user may use the adapter.",
    "is_staff": "True when the user may enter the admin.",
    "is_superuser": "True when the user may do everything.",
    "level": "The level that gave the configuration.",
    "line": "The line of the file.",
    "line_ending": "How lines end.",
    "look_ids": "The looks to export.",
    "looks": "The ids of the looks.",
    "lora_trigger": "The word that calls the subject's LoRA model.",
    "materials": "The materials.",
    "max_file_size": "The most bytes that may be sent.",
    "media": "How many images of the rows have which status.",
    "message": "A sentence for people.",
    "metadata_adapter": "The adapter that writes the metadata of an export.",
    "metadata_files": "The names of the metadata files in the archive.",
    "name": "The name.",
    "naming_convention_example": "A name made with the adapter's template.",
    "naming_convention_template": "The template names are made with; null for the adapter's own.",
    "organization_id": "The organization it belongs to; null when it is personal.",
    "MemberPublic.organization_id": "The organization.",
    "PresignedUrlRequest.organization_id": "The organization the file is for; null for the caller.",
    "organization_ids": "The organizations that may use the adapter when it is not public.",
    "password": "The password.",
    "pending": "How many are still to do.",
    "position": "The position in a list of images, from 0; null for a single image.",
    "processed_rows": "Rows that were imported or refused.",
    "product_ids": "The products to export.",
    "production_request_id": "The production request to export.",
    "products": "The ids of the products.",
    "progress": "How far it is.",
    "protected": "True when the file may not be deleted.",
    "provided_by": "Which adapters or entities give the wildcard its value.",
    "queued": "How many resources were queued.",
    "ready": "How many are ready.",
    "reason": "Why this level's configuration answers.",
    "reference_images": "The reference images, in order.",
    "refresh_token": "The token to exchange, once, for new tokens.",
    "resource_id": "The id of the media resource.",
    "resource_type": "The kind of file.",
    "retry_of": "The bulk upload this one repeats; null when it repeats none.",
    "role": "What the member may do.",
    "row": "The number of the row, from 1; 0 is the table as a whole.",
    "rows_per_second": "The speed of the import; null while it is not known.",
    "scope": "Not used; common OAuth2 clients send it.",
    "seconds_left": "The estimated rest of the time; null while it is not known.",
    "severity": "Whether the row was refused.",
    "sha256": "The SHA-256 of the bytes, in hexadecimal digits.",
    "size": "The size in bytes.",
    "PresignedUrlRequest.file_size": "The size in bytes; the same as `size`.",
    "sku": "The SKU, unique among the products of one owner.",
    "slot": "Which of the entity's places shows the file.",
    "slug": "The name in addresses.",
    "started_at": "When it started; null before.",
    "status": "How far it is.",
    "subject": "The id of the subject; null when there is none.",
    "suggestion": "The field the column may have meant; null when none is like it.",
    "thumbnail_url": "The address of a small preview; null while there is none.",
    "title": "What was exported, for people.",
    "token": "The token in `upload_url`, where the product itself takes the bytes.",
    "token_type": "Always `bearer`.",
    "total": "How many files there are.",
    "total_rows": "How many rows the table has, as far as it was read.",
    "type": "The kind.",
    "ValidationError.type": "What kind of fault it is, as a code for programs.",
    "unchanged": "Rows whose product was already as they say.",
    "updated": "Rows that changed a product.",
    "updated_at": "When it was last changed.",
    "upload_headers": "The headers to send, exactly these.",
    "upload_method": "The method to send the bytes with.",
    "upload_url": "Where to send the bytes.",
    "expires_in_seconds": "How long the address may be used.",
    "url": "The address of the file.",
    "user_id": "The user who created it.",
    "MemberCreate.user_id": "The user; or name them by `email`.",
    "MemberPublic.user_id": "The user.",
    "username": "The e-mail address.",
    "value": "What stands in the cell.",
    "width": "The width in pixels.",
}


def tags() -> list[dict[str, str]]:
    """Return the tags as the document lists them."""
    return [{"name": name, "description": text} for name, text in TAGS.items()]


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give every shape, property and parameter its title and its text."""
    for name, shape in result["components"]["schemas"].items():
        _describe_shape(name, shape)
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _add(parameter, "description", PARAMETERS.get(parameter["name"]))
            _title_lists(operation)
    return result


def _describe_shape(name: str, shape: dict[str, Any]) -> None:
    shape.setdefault("title", name)
    if name.endswith("List"):
        shape.setdefault("description", "A part of a list, and the length of the whole list.")
    _add(shape, "description", SHAPES.get(name))
    for key, each in shape.get("properties", {}).items():
        _add(each, "description", PROPERTIES.get(f"{name}.{key}", PROPERTIES.get(key)))
        if not _refers(each):
            each.setdefault("title", key.replace("_", " ").title())


def _title_lists(operation: dict[str, Any]) -> None:
    """Name an answer that is a bare array as the specification does."""
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            if content.get("schema", {}).get("type") == "array":
                content["schema"]["title"] = f"Response {operation['summary']}"


def _refers(shape: dict[str, Any]) -> bool:
    return "$ref" in shape or any("$ref" in each for each in shape.get("anyOf", []))


def _add(shape: dict[str, Any], name: str, text: str | None) -> None:
    if text is not None and not shape.get(name):
        shape[name] = text
