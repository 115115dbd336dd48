from django.urls import path

from media.api import local_store, uploads, views

urlpatterns = [
    path("uploads/presigned-url", uploads.PresignedUrl.as_view(), name="presigned-url"),
    path("uploads/presigned-urls", uploads.PresignedUrls.as_view(), name="presigned-urls"),
    path("uploads/admin/upload-lora", uploads.UploadLora.as_view(), name="upload-lora"),
    path("uploads/local/<str:token>", local_store.receive, name="local-upload"),
    path("uploads/<str:upload_id>", uploads.Uploads.as_view(), name="upload"),
    path("media-resources/", views.MediaResources.as_view({"get": "list"}), name="media-resources"),
    path(
        "media-resources/heal",
        views.MediaResources.as_view({"post": "heal"}),
        name="media-resources-heal",
    ),
    path(
        "media-resources/<str:resource_id>",
        views.MediaResources.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="media-resource",
    ),
    path(
        "media-resources/<str:resource_id>/restore",
        views.MediaResources.as_view({"post": "restore"}),
        name="media-resource-restore",
    ),
]
