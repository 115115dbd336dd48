"""Menu and appearance of the admin: the setting UNFOLD."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

_MENU = {
    "Media": {
        "media.mediaresource": ("Media resources", "photo_library"),
        "media.upload": ("Uploads", "cloud_upload"),
        "media.attachment": ("Attachments", "attach_file"),
        "media.objectdeletion": ("Object deletions", "auto_delete"),
        "media.reconcilereport": ("Reconcile reports", "sync_problem"),
        "media.unknownobject": ("Unknown objects", "help"),
    },
    "Catalogue": {
        "catalog.product": ("Products", "apparel"),
        "catalog.subject": ("Subjects", "person"),
        "catalog.look": ("Looks", "checkroom"),
        "catalog.guideline": ("Guidelines", "rule"),
        "catalog.productionrequest": ("Production requests", "photo_camera"),
        "catalog.loramodel": ("LoRA models", "model_training"),
    },
    "Exports": {
        "exports.exportrun": ("Exports", "folder_zip"),
        "exports.exportitem": ("Exported files", "photo_size_select_large"),
        "exports.exportconfiguration": ("Export configurations", "tune"),
        "exports.metadataadaptervisibility": ("Metadata adapters", "visibility"),
    },
    "Bulk upload": {
        "bulkupload.bulkuploadjob": ("Bulk uploads", "upload_file"),
        "bulkupload.bulkuploadchunk": ("Chunks", "view_module"),
        "bulkupload.bulkuploadrowerror": ("Rejected rows", "rule"),
        "bulkupload.bulkuploadmediabatch": ("Image batches", "photo_album"),
        "bulkupload.bulkuploadmedia": ("Images of rows", "image"),
        "bulkupload.remoteimage": ("Remote images", "cloud_download"),
        "bulkupload.photobatch": ("Photo batches", "photo_library"),
        "bulkupload.photofile": ("Photos of batches", "add_photo_alternate"),
        "bulkupload.slotword": ("Slot words", "dictionary"),
    },
    "People": {
        "accounts.user": ("Users", "group"),
        "accounts.organization": ("Organizations", "apartment"),
        "accounts.membership": ("Memberships", "badge"),
        "auth.group": ("Groups", "lock_person"),
    },
    "System": {
        "core.event": ("Events", "history"),
        "core.idempotencykey": ("Idempotency keys", "key"),
        "axes.accessattempt": ("Failed sign-ins", "gpp_maybe"),
    },
}


def _may_open(label: str) -> Callable[[HttpRequest], bool]:
    app, model = label.split(".")
    return lambda request: any(
        request.user.has_perm(f"{app}.{right}_{model}") for right in ("view", "change")
    )


def _item(label: str, title: str, icon: str) -> dict[str, Any]:
    page = f"admin:{label.replace('.', '_')}_changelist"
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(page),
        "permission": _may_open(label),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Sartiq Files & Uploads",
    "SITE_HEADER": "Sartiq",
    "SITE_SUBHEADER": "Files & Uploads",
    "SITE_SYMBOL": "photo_camera",
    "SITE_URL": "/docs",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    # The scripts of date filters need it; Unfold itself does not load it on confirmation pages,
    # which include those scripts.
    "SCRIPTS": [lambda _request: reverse_lazy("admin:jsi18n")],
    "STYLES": [lambda _request: static("sartiq/admin.css")],
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("sartiq/favicon.svg"),
        }
    ],
    "ENVIRONMENT": "sartiq.core.admin_base.environment_badge",
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": group,
                "separator": True,
                "items": [_item(label, title, icon) for label, (title, icon) in models.items()],
            }
            for group, models in _MENU.items()
        ],
    },
}
