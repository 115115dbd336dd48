"""Descriptions in the OpenAPI document: of schemas, properties, parameters and tags.

A description is keyed by the name of its property, or by `Schema.property` where it differs in one
schema. The `help_text` of a serializer field takes precedence.
"""

from typing import Any, Final

DESCRIPTION: Final = (
    "Files, uploads, exports and bulk imports of Sartiq. Sign in with an e-mail address and"
    " a password, get a presigned URL, upload the file, and send its `file_url` in an image"
    " field of an entity. A 422 lists every problem; any other error is one sentence."
)
TAGS: Final = {
    "login": "Sign in, refresh tokens and check a token.",
    "users": "The caller's own profile, and every user for superusers.",
    "organizations": "Organizations and their members.",
    "uploads": "Signed URLs for uploading files.",
    "media-resources": "The stored files, their metadata and attachments.",
    "files": "URLs of files, as used in entities.",
    "products": "Products and their images.",
    "subjects": "Subjects, such as models, and their cover image.",
    "looks": "Looks: products on a subject, with reference images.",
    "guidelines": "Guidelines and their images.",
    "production-requests": "Requests for the production of looks under a guideline.",
    "bulk-upload": "Import of products from a CSV, TSV or XLSX file.",
    "photo-batches": "Photos that are matched with products by their names and attached.",
    "export-configuration": "File names, formats and metadata of exports.",
    "metadata-adapters": "Formats of export metadata, and wildcards of file names.",
    "exports": "ZIP archives of files, created in the background.",
}
SCHEMAS: Final = {
    "Blank": "An empty string.",
    "BulkUploadStatus": "The status of a bulk upload.",
    "ConfigurationLevel": "The level at which a configuration was found.",
    "Delimiter": "The delimiter of a table.",
    "EntityType": "A type of entity with files.",
    "ExportStatus": "The status of an export.",
    "GrantType": "The OAuth2 grant type.",
    "ImageFormat": "The format of exported images.",
    "MediaStatus": "`pending` until the file is checked and stored, then `ready` or `failed`.",
    "MemberRole": "The role of a member in an organization.",
    "MetadataAdapter": "The code of a metadata adapter.",
    "OnExisting": "Whether photos are added to the pictures of a slot or replace them.",
    "PhotoBatchStatus": "The status of a photo batch.",
    "PhotoFailureCode": "Why a photo is not attached.",
    "PhotoMatchBy": "What a photo was matched by.",
    "PhotoMatchStatus": "Whether a photo was matched, and whether its bytes are stored already.",
    "PhotoStatus": "The status of a photo.",
    "ProductSlot": "An image field of a product.",
    "ProductField": "A product field that a column can be mapped to.",
    "ResourceType": "The type of a file.",
    "Severity": "A row with an error is not imported; a row with a warning is.",
    "SubjectType": "The type of a subject.",
    "UploadState": (
        "`issued`: signed, no entity names the file yet; `claimed`: it is being stored; `consumed`:"
        " it is stored; `expired`: it was rejected, or no entity named it in time."
    ),
    "PresignedUrlResult": "A signed request, or why there is none.",
    "TableFormat": "The format of a table.",
    "TokenType": "The type of a token.",
    "ContentType": "An accepted content type.",
    "ValidationErrorType": "The type of a problem; docs/errors.md lists all of them.",
    "MediaFailureCode": "Why a file failed.",
    "ExportFailureCode": "Why there is no archive.",
    "ExportFileFailureCode": "Why a file could not be exported.",
    "BulkUploadFailureCode": "Why a bulk upload as a whole failed or was stopped.",
    "RowErrorCode": "The problem of a row or of one of its images.",
}
PARAMETERS: Final = {
    "batch_id": "The id of the photo batch.",
    "code": "The code of the metadata adapter.",
    "config_id": "The id of the export configuration.",
    "entity_id": "The id of the entity.",
    "file_id": "The id of the photo in its batch.",
    "file_path": "The path of the file below `/files/`.",
    "job_id": "The id of the bulk upload.",
    "org_id": "The id of the organization.",
    "resource_id": "The id of the media resource.",
    "run_id": "The id of the export.",
    "status": "Only resources of this status.",
    "upload_id": "The id of the upload.",
    "user_id": "The id of the user.",
}
PROPERTIES: Final = {
    "access_token": "The token to send in the `Authorization` header.",
    "alt_text": "Alternative text of the image.",
    "archive": "The ZIP archive; null until it exists.",
    "attachments": "The attachments of the resource.",
    "back_image": "The back image.",
    "brand": "The brand.",
    "attached": "How many are attached and being verified.",
    "by": "What it was matched by; null if nothing fits.",
    "candidates": "The products that fit equally; empty if one fits, or none.",
    "caption": "The caption.",
    "client_id": "Not used; common OAuth2 clients send it.",
    "client_secret": "Not used; common OAuth2 clients send it.",
    "code": "The problem as a code.",
    "MetadataAdapterPublic.code": "The code that configurations use.",
    "color": "The colour.",
    "color_profile": "The colour profile of the image.",
    "column": "The column's name in the table; empty for the whole row.",
    "conflict": "How many need a decision: their slot has another picture.",
    "columns": "The columns of the table; empty until it has been read.",
    "configuration": "The configuration that applies.",
    "content_type": "The content type of the file.",
    "count": "The length of the whole list.",
    "counts": "Number of files by status.",
    "cover_image": "The cover image.",
    "created": "Number of rows that created a product.",
    "created_at": "When it was created.",
    "current_password": "The current password.",
    "data": "The requested page of the list.",
    "deleted_at": "When it was deleted; null if it is not.",
    "delimiter": "The delimiter.",
    "description": "The description.",
    "dialect": "The CSV dialect; null until the table has been read.",
    "display_name": "The display name.",
    "dominant_color": "The most frequent colour, as `#rrggbb`.",
    "done": "Number of files that are ready or failed.",
    "dry_run": "True if the rows are only checked and nothing is imported.",
    "duration": "The duration in seconds.",
    "email": "The e-mail address.",
    "encoding": "The text encoding.",
    "entity_id": "The id of the entity the file is attached to.",
    "entity_type": "The type of the entity the file is attached to.",
    "etag": "The object store's entity tag of the stored bytes.",
    "example": "An example.",
    "expires_at": "When the archive will be deleted; null while there is none.",
    "UploadPublic.expires_at": "When the signed URL expires.",
    "export_configuration": "The configuration of the export.",
    "export_configuration_id": (
        "The export configuration linked to the entity; null if there is none."
    ),
    "extension": "The file name extension.",
    "failed": "How many failed.",
    "failure": "Why it failed as a whole; null if it did not.",
    "UploadPublic.failure": "Why the file was rejected; null if it was not.",
    "failure_code": "Why the file failed; null if it did not.",
    "failures": "The first thousand files that failed.",
    "field": "The product field of the column; null if the column is ignored.",
    "file_ids": "The ids of photos of the batch.",
    "files": "The photos, in the order of the request.",
    "file_size": "The size in bytes.",
    "file_url": "The URL to send in the image field of an entity.",
    "filename": "The name of the file.",
    "finished_at": "When it finished; null until then.",
    "folder": "The purpose of the file; some folders accept images only.",
    "format": "The format of the table.",
    "full_name": "The full name.",
    "gender": "The gender the product is made for.",
    "grant_type": "The OAuth2 grant type; optional.",
    "guideline": "The id of the guideline; null if there is none.",
    "height": "The height in pixels.",
    "id": "The id.",
    "PresignedUrlResponse.id": "The id of the upload.",
    "image_format": "The format of exported images.",
    "images": "The images, in order.",
    "ingested": "How many are checked and wait for the other photos of their slot.",
    "is_active": "False if the user cannot sign in.",
    "is_customizable": "False if the adapter has a fixed naming template.",
    "is_number": "True if the wildcard can be padded, as in `{version:03}`.",
    "is_public": "True if every user can use the adapter.",
    "is_staff": "True if the user can use the admin.",
    "is_superuser": "True if the user has all permissions.",
    "level": "The level at which the configuration was found.",
    "line": "The line of the file.",
    "line_ending": "The line ending.",
    "look_ids": "The looks to export.",
    "looks": "The ids of the looks.",
    "lora_trigger": "The trigger word of the subject's LoRA model.",
    "match": "The product and the slot that the name means.",
    "materials": "The materials.",
    "max_file_size": "The maximum file size in bytes.",
    "media": "Number of the rows' images by status.",
    "message": "A human-readable message.",
    "metadata_adapter": "The adapter that writes the metadata of an export.",
    "metadata_files": "The names of the metadata files in the archive.",
    "name": "The name.",
    "naming_convention_example": "An example name from the adapter's template.",
    "naming_convention_template": "The naming template; null for the adapter's own.",
    "on_existing": "Whether photos are added to the pictures of a slot or replace them.",
    "organization_id": "The organization it belongs to; null for a personal one.",
    "MemberPublic.organization_id": "The organization.",
    "PresignedUrlRequest.organization_id": "The organization the file is for; null for the caller.",
    "organization_ids": "The organizations that can use the adapter if it is not public.",
    "password": "The password.",
    "pending": "How many are still pending.",
    "photos_per_second": "Photos finished per second; null while unknown.",
    "position": "The position in a list of images, from 0; null for a single image.",
    "processed_rows": "Number of rows that were imported or rejected.",
    "product_id": "The id of the product; null if it has not been decided.",
    "product_ids": "The products to export.",
    "production_request_id": "The production request to export.",
    "products": "The ids of the products.",
    "progress": "How many files are done, of how many.",
    "protected": "True if the file must not be deleted.",
    "provided_by": "The adapters or entities that provide the value.",
    "queued": "Number of queued resources.",
    "ready": "How many are ready.",
    "reason": "Why this configuration applies.",
    "reference_images": "The reference images, in order.",
    "refresh_token": "The token to exchange for new tokens; can be used once.",
    "resource": "The resource that the upload became; null if there is none.",
    "resource_id": "The id of the media resource.",
    "resource_type": "The type of file.",
    "retry_of": "The bulk upload that this one retries; null if none.",
    "role": "The member's role.",
    "row": "The row number, from 1; 0 for the whole table.",
    "rows_per_second": "Rows imported per second; null while unknown.",
    "scope": "Not used; common OAuth2 clients send it.",
    "seconds_left": "Estimated seconds until it finishes; null while unknown.",
    "severity": "`error`: the row was rejected; `warning`: it was imported.",
    "sha256": "The SHA-256 of the bytes, in hexadecimal digits.",
    "size": "The size in bytes.",
    "PresignedUrlRequest.file_size": "The size in bytes; the same as `size`.",
    "sku": "The SKU, unique among the products of one owner.",
    "skip": "True leaves the photo out, false takes it back.",
    "skipped": "How many the user left out.",
    "slot": "The image field of the entity.",
    "slug": "The slug.",
    "started_at": "When it started; null until then.",
    "state": "The state.",
    "status": "The status.",
    "subject": "The id of the subject; null if there is none.",
    "suggestion": "The field the column may be a misspelling of; null if none.",
    "template": "The naming template that the names are read with; null for the owner's.",
    "thumbnail_url": "The URL of a thumbnail; null if there is none.",
    "title": "A display title.",
    "token": "The token in `upload_url` if the API itself stores the file.",
    "token_type": "Always `bearer`.",
    "total": "Number of files.",
    "total_rows": "Number of rows read so far.",
    "undecided": "How many have no product yet.",
    "type": "The type.",
    "ValidationError.type": "The type of the problem.",
    "unchanged": "Number of rows that changed nothing.",
    "updated": "Number of rows that changed a product.",
    "updated_at": "When it was last changed.",
    "upload": "The signed request for the upload; null if the bytes are not needed.",
    "uploaded": "How many have arrived and wait to be attached.",
    "upload_headers": "The headers to send, unchanged.",
    "upload_method": "The HTTP method of the upload.",
    "upload_url": "The URL to upload the file to.",
    "expires_in_seconds": "Seconds until `upload_url` expires.",
    "url": "The URL of the file.",
    "user_id": "The user who created it.",
    "MemberCreate.user_id": "The user's id; alternatively send `email`.",
    "MemberPublic.user_id": "The user.",
    "username": "The e-mail address.",
    "waiting": "How many have not arrived.",
    "value": "The value of the cell.",
    "width": "The width in pixels.",
}


def tags() -> list[dict[str, str]]:
    """Return the tags with their descriptions."""
    return [{"name": name, "description": text} for name, text in TAGS.items()]


def describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add titles and descriptions to every schema, property and parameter."""
    for name, schema in result["components"]["schemas"].items():
        _describe_schema(name, schema)
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _add(parameter, "description", PARAMETERS.get(parameter["name"]))
            _title_lists(operation)
    return result


def _describe_schema(name: str, schema: dict[str, Any]) -> None:
    schema.setdefault("title", name)
    if name.endswith("List"):
        schema.setdefault("description", "One page of a list, and the length of the whole list.")
    _add(schema, "description", SCHEMAS.get(name))
    for key, property_schema in schema.get("properties", {}).items():
        text = PROPERTIES.get(f"{name}.{key}", PROPERTIES.get(key))
        _add(property_schema, "description", text)
        if not _is_reference(property_schema):
            property_schema.setdefault("title", key.replace("_", " ").title())


def _title_lists(operation: dict[str, Any]) -> None:
    """Set the title of bare-array responses."""
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            if content.get("schema", {}).get("type") == "array":
                content["schema"]["title"] = f"Response {operation['summary']}"


def _is_reference(schema: dict[str, Any]) -> bool:
    return "$ref" in schema or any("$ref" in choice for choice in schema.get("anyOf", []))


def _add(target: dict[str, Any], key: str, text: str | None) -> None:
    if text is not None and not target.get(key):
        target[key] = text
