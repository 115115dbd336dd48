from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.views import (
    SpectacularJSONAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)

from exports.api.urls import export_configurations_without_prefix
from media.api import files, health, local_store
from sartiq.core.http import icons

api: list[URLPattern | URLResolver] = [
    path("", include("media.api.urls")),  # first: presigning is the busiest route
    path("", include("accounts.api.urls")),
    path("", include("catalog.api.urls")),
    path("", include("exports.api.urls")),
    path("", include("bulkupload.api.urls")),
    path("", include("bulkupload.api.photos.urls")),
    path(
        "openapi.json",
        SpectacularJSONAPIView.as_view(
            renderer_classes=[OpenApiJsonRenderer2], http_method_names=["get", "head"]
        ),
        name="schema",
    ),
]

urlpatterns = [
    path("api/v1/", include(api)),
    export_configurations_without_prefix,
    path("", include("bulkupload.api.urls")),
    path("files/<path:file_path>", files.ServeFile.as_view(), name="files"),
    path("local-store/<path:key>", local_store.serve, name="local-store"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("redoc", SpectacularRedocView.as_view(url_name="schema"), name="redoc"),
    path("health/ready", health.ready, name="ready"),
    path("health/", include("sartiq.core.http.health")),
    path("health/storage", health.storage, name="health-storage"),
    path("admin/", admin.site.urls),
    path("favicon.ico", icons.favicon, name="favicon"),
]

handler400 = "sartiq.core.http.error_pages.bad_request"
handler403 = "sartiq.core.http.error_pages.permission_denied"
handler404 = "sartiq.core.http.error_pages.not_found"
handler500 = "sartiq.core.http.error_pages.server_error"
