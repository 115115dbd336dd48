from typing import Any

from django.urls import path

from exports.api import adapters, configurations, resolution, runs, start_export

# Which method of a view handles which HTTP method.
LIST: dict[str, Any] = {"get": "list"}
COLLECTION: dict[str, Any] = LIST | {"post": "create"}
DETAIL: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
# On these paths GET, PATCH and DELETE act on the owner's oldest configuration; POST creates one.
OLDEST: dict[str, Any] = DETAIL | {"post": "create"}

# The specification has this endpoint without /api/v1, too.
export_configurations_without_prefix = path(
    "export-configuration/",
    configurations.AllConfigurations.as_view(COLLECTION),
    name="export-configurations-bare",
)

urlpatterns = [
    path(
        "export-configuration/",
        configurations.AllConfigurations.as_view(COLLECTION),
        name="export-configurations",
    ),
    path(
        "users/me/export-configurations",
        configurations.MyConfigurations.as_view(LIST),
        name="my-export-configurations",
    ),
    path(
        "users/me/export-configuration",
        configurations.MyConfigurations.as_view(OLDEST),
        name="my-export-configuration",
    ),
    path(
        "users/export-configurations/<str:config_id>",
        configurations.ConfigurationDetail.as_view(DETAIL),
        name="export-configuration-one",
    ),
    path(
        "users/<str:user_id>/export-configuration",
        configurations.UserConfigurations.as_view(OLDEST),
        name="user-export-configuration",
    ),
    path(
        "users/organizations/<str:org_id>/export-configurations",
        configurations.OrganizationConfigurations.as_view(LIST),
        name="organization-export-configurations",
    ),
    path(
        "users/organizations/<str:org_id>/export-configuration",
        configurations.OrganizationConfigurations.as_view(OLDEST),
        name="organization-export-configuration",
    ),
    *(
        path(
            f"{prefix}/<str:entity_id>/export-configuration",
            view.as_view(),
            name=f"{prefix}-export-configuration",
        )
        for prefix, view in resolution.VIEWS.items()
    ),
    path("exports/", start_export.Exports.as_view(COLLECTION, basename="exports"), name="exports"),
    path("exports/preview", start_export.ExportPreview.as_view(), name="export-preview"),
    path("exports/<str:run_id>", runs.ExportDetail.as_view(), name="export"),
    path("exports/<str:run_id>/download", runs.ExportDownload.as_view(), name="export-download"),
    path("metadata-adapters/", adapters.MetadataAdapters.as_view(), name="metadata-adapters"),
    path(
        "metadata-adapters/template-wildcards",
        adapters.TemplateWildcards.as_view(),
        name="template-wildcards",
    ),
    path(
        "metadata-adapters/<str:code>/visibility",
        adapters.AdapterVisibility.as_view(),
        name="metadata-adapter-visibility",
    ),
]
