"""Settings of the REST API: Django REST framework, the OpenAPI document, and CORS headers."""

from typing import Any

from corsheaders.defaults import default_headers

from sartiq.core.api.schema import descriptions

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["sartiq.core.api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "sartiq.core.api.pagination.SkipLimitPagination",
    "DEFAULT_SCHEMA_CLASS": "sartiq.core.api.schema.document.SartiqAutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "sartiq.core.api.negotiation.JSONAlways",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is 405: the schema describes the routes
    "EXCEPTION_HANDLER": "sartiq.core.http.exception_handler.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DATETIME_FORMAT": "iso-8601",
    "COMPACT_JSON": True,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Sartiq Backend Server - Files",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["sartiq.core.api.schema.document.keep_canonical_paths"],
    "DESCRIPTION": descriptions.DESCRIPTION,
    "LICENSE": {"name": "Proprietary"},
    "SERVERS": [{"url": "/", "description": "The host that serves this document"}],
    "TAGS": descriptions.tags(),
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sartiq.core.api.schema.document.postprocess_schema",
        "sartiq.core.api.schema.descriptions.describe",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_SUFFIX": "",
    "ENUM_NAME_OVERRIDES": {
        "MetadataAdapter": "exports.api.serializers.adapter_choices",
        "ImageFormat": "exports.api.serializers.format_choices",
        "MediaFailureCode": "media.rules.failures.CODES",
        "ExportFailureCode": "exports.codes.RUN_FAILURE_CODES",
        "ExportFileFailureCode": "exports.codes.FILE_FAILURE_CODES",
        "BulkUploadFailureCode": "bulkupload.codes.FAILURE_CODES",
        "RowErrorCode": "bulkupload.codes.ROW_ERROR_CODES",
        "UploadState": "media.api.upload_serializers.STATE_CHOICES",
        "MediaStatus": "media.api.serializers.STATUS_CHOICES",
        "BulkUploadStatus": "bulkupload.api.serializers.STATUSES",
        "ExportStatus": "exports.api.run_serializers.STATUSES",
        "ProductField": "bulkupload.rules.rows.columns.FIELDS",
        "ConfigurationLevel": "exports.api.serializers.LEVELS",
        "OnExisting": "bulkupload.api.photos.serializers.MODES",
        "PhotoBatchStatus": "bulkupload.api.photos.serializers.BATCH_STATUSES",
        "PhotoFailureCode": "bulkupload.rules.photos.failures.CODES",
        "PhotoMatchBy": "bulkupload.api.photos.serializers.MATCHED_BY",
        "PhotoMatchStatus": "bulkupload.api.photos.serializers.MATCH_STATUSES",
        "PhotoStatus": "bulkupload.api.photos.serializers.PHOTO_STATUSES",
        "ProductSlot": "bulkupload.api.photos.serializers.SLOTS",
        "SubjectType": "catalog.models.SubjectType.choices",
        "MemberRole": "accounts.api.fields.role_choices",
        "TableFormat": "bulkupload.api.serializers.FORMATS",
    },
    "SORT_OPERATION_PARAMETERS": True,
}
# Headers of PUT requests to the local store, and of conditional and repeated requests.
CORS_ALLOW_HEADERS = [
    *default_headers,
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-amz-checksum-sha256",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "Content-Disposition",
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "Retry-After",
    "X-Request-ID",
]
