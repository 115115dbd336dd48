from typing import Any

from django.urls import path

from accounts.api.login import AccessToken, RefreshToken, TestToken
from accounts.api.organizations import Members, Organizations
from accounts.api.users import Me, Users

# Which method of a view handles which HTTP method.
COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
ITEM: dict[str, Any] = {"get": "retrieve", "patch": "partial_update"}
DELETABLE = ITEM | {"delete": "destroy"}

urlpatterns = [
    path("login/access-token", AccessToken.as_view(), name="login-access-token"),
    path("login/refresh-token", RefreshToken.as_view(), name="login-refresh-token"),
    path("login/test-token", TestToken.as_view(), name="login-test-token"),
    path("users/me", Me.as_view(), name="me"),
    path("users/", Users.as_view(COLLECTION), name="users"),
    path("users/<str:user_id>", Users.as_view(DELETABLE), name="user"),
    path("organizations/", Organizations.as_view(COLLECTION), name="organizations"),
    path("organizations/<str:org_id>", Organizations.as_view(ITEM), name="organization"),
    path("organizations/<str:org_id>/members", Members.as_view(COLLECTION), name="members"),
    path(
        "organizations/<str:org_id>/members/<str:user_id>",
        Members.as_view(DELETABLE),
        name="member",
    ),
]
