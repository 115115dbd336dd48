from typing import Any

from django.urls import URLPattern, path

from catalog.api import views


def _routes(prefix: str, view: type[views.Entities]) -> list[URLPattern]:
    collection: dict[str, Any] = {"get": "list", "post": "create"}
    detail: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
    return [
        path(f"{prefix}/", view.as_view(collection, basename=prefix), name=prefix),
        path(
            f"{prefix}/<str:entity_id>",
            view.as_view(detail, basename=prefix),
            name=f"{prefix}-detail",
        ),
        path(
            f"{prefix}/<str:entity_id>/restore",
            view.as_view({"post": "restore"}, basename=prefix),
            name=f"{prefix}-restore",
        ),
    ]


urlpatterns = [
    *_routes("products", views.Products),
    *_routes("subjects", views.Subjects),
    *_routes("looks", views.Looks),
    *_routes("guidelines", views.Guidelines),
    *_routes("production-requests", views.ProductionRequests),
]
