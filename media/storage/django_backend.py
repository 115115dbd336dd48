"""Django's default file storage: the private bucket, for files that staff handle in the admin."""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage
from storages.backends.s3 import S3Storage

from media.storage.factory import private_store, s3_connection

DOWNLOAD_LIFETIME: Final = timedelta(minutes=15)


class PrivateS3Storage(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """The private bucket of the S3 service, with the connection settings of our own store."""

    def get_default_settings(self) -> dict[str, Any]:
        """Return our settings; `client_config` replaces the AWS_ settings of django-storages."""
        connection = s3_connection()
        defaults: dict[str, Any] = super().get_default_settings()
        return defaults | {
            "access_key": connection.access_key_id,
            "secret_key": connection.secret_access_key,
            "endpoint_url": connection.endpoint_url,
            "region_name": connection.region,
            "bucket_name": settings.R2_PRIVATE_BUCKET_NAME,
            "client_config": connection.config(),
            "file_overwrite": False,
            "default_acl": None,
        }

    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        """Return a signed URL on the public endpoint; the one of the client is internal."""
        return private_store().sign_get(self._normalize_name(name), lifetime=DOWNLOAD_LIFETIME)


class PrivateLocalStorage(FileSystemStorage):
    """The private bucket of the local store."""

    def __init__(self) -> None:
        super().__init__(location=settings.LOCAL_STORE_DIR / settings.R2_PRIVATE_BUCKET_NAME)

    def url(self, name: str | None) -> str:
        """Return a signed URL on our own route."""
        return private_store().sign_get(name or "", lifetime=DOWNLOAD_LIFETIME)


def PrivateStorage() -> Storage:  # noqa: N802  STORAGES expects the name of a class
    """Return the storage that the settings select."""
    return PrivateLocalStorage() if settings.STORAGE == "local" else PrivateS3Storage()
