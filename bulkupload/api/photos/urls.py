from typing import Any

from django.urls import URLPattern, path

from bulkupload.api.photos.views import PhotoBatches


def _route(suffix: str, name: str, **methods: Any) -> URLPattern:
    view = PhotoBatches.as_view(methods, basename="photo-batch")
    return path(f"photo-batches/{suffix}", view, name=name)


urlpatterns = [
    _route("", "photo-batches", get="list", post="create"),
    _route("<str:batch_id>", "photo-batch", get="retrieve"),
    _route("<str:batch_id>/files", "photo-batch-files", get="files", post="add_files"),
    _route("<str:batch_id>/files/<str:file_id>", "photo-batch-file", get="file", patch="choose"),
    _route("<str:batch_id>/uploaded", "photo-batch-uploaded", post="uploaded"),
    _route("<str:batch_id>/tickets", "photo-batch-tickets", post="tickets"),
    _route("<str:batch_id>/attach", "photo-batch-attach", post="attach"),
    _route("<str:batch_id>/cancel", "photo-batch-cancel", post="cancel"),
    _route("<str:batch_id>/retry", "photo-batch-retry", post="retry"),
    _route("<str:batch_id>/report", "photo-batch-report", get="report"),
]
