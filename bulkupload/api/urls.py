from typing import Any

from django.urls import URLPattern, path

from bulkupload.api.views import BulkUploads


def _route(suffix: str, name: str, **methods: Any) -> URLPattern:
    view = BulkUploads.as_view(methods, basename="bulk-upload")
    return path(f"bulk-upload/{suffix}", view, name=name)


urlpatterns = [
    _route("", "bulk-upload", get="list", post="create"),
    _route("template", "bulk-upload-template", get="template"),
    _route("<str:job_id>", "bulk-upload-detail", get="retrieve"),
    _route("<str:job_id>/errors", "bulk-upload-errors", get="errors"),
    _route("<str:job_id>/errors.csv", "bulk-upload-errors-file", get="errors_file"),
    _route("<str:job_id>/cancel", "bulk-upload-cancel", post="cancel"),
    _route("<str:job_id>/retry", "bulk-upload-retry", post="retry"),
]
