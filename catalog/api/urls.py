from typing import Any

from django.urls import URLPattern, path

from catalog.api import views


def _routes(prefix: str, view: type[views.Entities]) -> list[URLPattern]:
    many: dict[str, Any] = {"get": "list", "post": "create"}
    one: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
    return [
        path(f"{prefix}/", view.as_view(many, basename=prefix), name=prefix),
        path(f"{prefix}/<str:entity_id>", view.as_view(one, basename=prefix), name=f"{prefix}-one"),
    ]


urlpatterns = [
    *_routes("products", views.Products),
    *_routes("subjects", views.Subjects),
    *_routes("looks", views.Looks),
    *_routes("guidelines", views.Guidelines),
    *_routes("production-requests", views.ProductionRequests),
]
