from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.models import Product
from media.models import MediaResource, ObjectDeletion, ResourceStatus
from media.rules.failures import sentence_for
from media.rules.keys import thumbnail_key
from media.selectors import public_url
from media.tests.admin import rows

pytestmark = pytest.mark.django_db
RESOURCES = "admin:media_mediaresource_changelist"
RESOURCE = "admin:media_mediaresource_change"


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def action_form(action: str, *picked: Any, **more: str) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(row.pk) for row in picked], **more}


def product_of(user: User) -> Product:
    return Product.objects.create(user=user, name="Oxford shoe")


def test_a_resource_page_shows_its_uploads_and_attachments(
    staff_client: Client, superuser: User
) -> None:
    product = product_of(superuser)
    resource = rows.resource(superuser, filename="<i>first.png")
    upload = rows.upload(superuser, resource=resource)
    attachment = rows.attachment(resource, product)

    page = staff_client.get(reverse(RESOURCE, args=[resource.pk])).content.decode()

    assert f'<img src="{public_url(resource.storage_key)}"' in page
    assert "&lt;i&gt;first.png" in page
    assert reverse("admin:catalog_product_change", args=[product.pk]) in page
    assert reverse("admin:media_upload_change", args=[upload.pk]) in page
    assert reverse("admin:media_attachment_change", args=[attachment.pk]) in page


def test_related_rows_are_linked_in_both_directions(staff_client: Client, superuser: User) -> None:
    product, resource = product_of(superuser), rows.resource(superuser)
    rows.upload(superuser, resource=resource)
    rows.attachment(resource, product)

    uploads = staff_client.get(reverse("admin:media_upload_changelist")).content.decode()
    attachments = staff_client.get(reverse("admin:media_attachment_changelist")).content.decode()

    assert reverse(RESOURCE, args=[resource.pk]) in uploads
    assert reverse(RESOURCE, args=[resource.pk]) in attachments
    assert reverse("admin:catalog_product_change", args=[product.pk]) in attachments


@pytest.mark.parametrize(
    ("values", "has_thumbnail"),
    [
        ({}, True),
        ({"status": ResourceStatus.PENDING}, False),
        ({"status": ResourceStatus.FAILED, "failure_code": "x"}, False),
        ({"has_thumbnail": False}, False),
    ],
)
def test_only_ready_images_have_a_thumbnail(
    staff_client: Client, superuser: User, values: dict[str, Any], *, has_thumbnail: bool
) -> None:
    resource = rows.resource(superuser, **values)

    page = staff_client.get(reverse(RESOURCES)).content.decode()

    assert (f'{thumbnail_key(resource.pk)}" alt=""' in page) is has_thumbnail
    assert f'src="{public_url(resource.storage_key)}' not in page  # megabytes


def test_staff_edit_only_the_texts(staff_client: Client, superuser: User) -> None:
    resource = rows.resource(superuser)
    before: dict[str, Any] = {**MediaResource.objects.filter(pk=resource.pk).values().get()}

    response = staff_client.post(
        reverse(RESOURCE, args=[resource.pk]),
        {
            "alt_text": "A black shoe",
            "caption": "",
            "protected": "on",
            "status": "FAILED",
            "storage_key": "temp/x",
            "attachments-TOTAL_FORMS": 0,
            "attachments-INITIAL_FORMS": 0,
            "uploads-TOTAL_FORMS": 0,
            "uploads-INITIAL_FORMS": 0,
        },
    )

    after: dict[str, Any] = {**MediaResource.objects.filter(pk=resource.pk).values().get()}
    changed_fields = {name for name in after if after[name] != before[name]}
    assert response.status_code == 302
    assert changed_fields == {"alt_text", "protected", "updated_at"}
    assert after["alt_text"] == "A black shoe"


def test_only_superusers_change_the_protection(superuser: User) -> None:
    resource = rows.resource(superuser)
    staff = UserFactory.create(is_staff=True)
    staff.user_permissions.set(permissions("view_mediaresource", "change_mediaresource"))
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")

    response = client.post(
        reverse(RESOURCE, args=[resource.pk]), {"alt_text": "A shoe", "protected": "on"}
    )

    resource.refresh_from_db()
    assert response.status_code == 302
    assert (resource.alt_text, resource.protected) == ("A shoe", False)


def permissions(*names: str) -> Any:
    return Permission.objects.filter(codename__in=names)


# --- Deleting ---------------------------------------------------------------------------------
def test_deleting_an_unattached_resource_deletes_its_object(
    staff_client: Client, superuser: User
) -> None:
    resource = rows.resource(superuser)

    response = staff_client.post(
        reverse("admin:media_mediaresource_delete", args=[resource.pk]), {"post": "yes"}
    )

    assert response.status_code == 302
    assert not MediaResource.objects.exists()
    assert MediaResource.with_deleted.get() == resource
    assert not ObjectDeletion.objects.exists()


@pytest.mark.parametrize("reason", ["attached to 1 entity", "protected", "being processed"])
def test_a_resource_in_use_is_not_deleted_and_the_reason_is_shown(
    staff_client: Client, superuser: User, reason: str
) -> None:
    resource = rows.resource(superuser)
    if reason == "attached to 1 entity":
        rows.attachment(resource, product_of(superuser))
    resource.protected = reason == "protected"
    resource.status = "PENDING" if reason == "being processed" else "READY"
    resource.save()

    single_response = staff_client.post(
        reverse("admin:media_mediaresource_delete", args=[resource.pk]), {"post": "yes"}
    )
    bulk_response = staff_client.post(
        reverse(RESOURCES), action_form("delete_selected", resource, post="yes")
    )

    for response in (single_response, bulk_response):
        assert reason in response.content.decode() + " ".join(messages_of(response))
    assert MediaResource.objects.filter(pk=resource.pk).exists()
    assert not ObjectDeletion.objects.exists()


def test_several_resources_are_deleted_together(staff_client: Client, superuser: User) -> None:
    both = [rows.resource(superuser), rows.resource(superuser)]

    response = staff_client.post(
        reverse(RESOURCES), action_form("delete_selected", *both, post="yes")
    )

    assert response.status_code == 302
    assert not MediaResource.objects.exists()
    assert set(MediaResource.with_deleted.all()) == set(both)


def test_list_and_page_say_why_a_resource_failed(staff_client: Client, superuser: User) -> None:
    failed_resource = rows.resource(superuser, status="FAILED", failure_code="file_truncated")

    for url in (reverse(RESOURCES), reverse(RESOURCE, args=[failed_resource.pk])):
        page = staff_client.get(url).content.decode()
        assert f"{sentence_for('file_truncated')} (file_truncated)" in page


# --- Actions ----------------------------------------------------------------------------------
def test_failed_resources_are_tried_again(staff_client: Client, superuser: User) -> None:
    failed_resource = rows.resource(
        superuser, status="FAILED", failure_code="copy_failed", attempts=8
    )
    ready_resource = rows.resource(superuser)

    response = staff_client.post(
        reverse(RESOURCES), action_form("try_again", failed_resource, ready_resource)
    )

    failed_resource.refresh_from_db()
    ready_resource.refresh_from_db()
    assert (failed_resource.status, failed_resource.failure_code, failed_resource.attempts) == (
        "PENDING",
        "",
        0,
    )
    assert ready_resource.status == "READY"
    assert messages_of(response) == [
        "1 queued again.",
        "1 skipped: not failed.",
    ]


def test_an_action_that_changed_nothing_is_not_reported_as_success(
    staff_client: Client, superuser: User
) -> None:
    ready_resource = rows.resource(superuser)
    waiting_resource = rows.resource(superuser, status="PENDING")
    pending_deletion = rows.deletion(attempts=3)

    retry_response = staff_client.post(
        reverse(RESOURCES), action_form("try_again", ready_resource, waiting_resource), follow=True
    )
    run_response = staff_client.post(
        reverse("admin:media_objectdeletion_changelist"),
        action_form("run_again", pending_deletion),
        follow=True,
    )

    assert levels(retry_response) == levels(run_response) == ["warning"]


def test_deletions_that_were_given_up_are_run_again(staff_client: Client) -> None:
    dead_letter, pending_deletion = rows.deletion(dead=True, attempts=8), rows.deletion(attempts=3)
    url = reverse("admin:media_objectdeletion_changelist")

    staff_client.post(url, action_form("run_again", dead_letter, pending_deletion))

    dead_letter.refresh_from_db()
    pending_deletion.refresh_from_db()
    assert (dead_letter.dead, dead_letter.attempts, pending_deletion.attempts) == (False, 0, 3)


@pytest.mark.parametrize("model", ["upload", "attachment", "objectdeletion"])
def test_system_rows_are_read_only(staff_client: Client, superuser: User, model: str) -> None:
    resource = rows.resource(superuser)
    rows_by_page: dict[str, Any] = {
        "upload": rows.upload(superuser),
        "attachment": rows.attachment(resource, product_of(superuser)),
        "objectdeletion": rows.deletion(),
    }
    row = rows_by_page[model]

    responses = [
        staff_client.get(reverse(f"admin:media_{model}_add")),
        staff_client.post(reverse(f"admin:media_{model}_change", args=[row.pk]), {"slot": "x"}),
        staff_client.post(reverse(f"admin:media_{model}_delete", args=[row.pk]), {"post": "yes"}),
    ]

    assert [response.status_code for response in responses] == [403, 403, 403]
    assert type(row).objects.filter(pk=row.pk).exists()


def levels(response: Any) -> list[str]:
    return [message.level_tag for message in response.context["messages"]]
