"""Only the routes of the local store, for a server without a database."""

from django.urls import path

from media.api import local_store

urlpatterns = [
    path("api/v1/uploads/local/<str:token>", local_store.receive),
    path("local-store/<path:key>", local_store.serve),
]
