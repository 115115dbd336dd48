import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.models import LoraModel, Subject, Verdict
from catalog.rules import lora as rules
from catalog.tests.admin.streamed_form import CountingStore, GeneratedBody, form_of
from catalog.tests.services import model_files as files
from media.errors import StoreUnavailableError
from media.models import Bucket, ObjectDeletion
from media.storage import factory
from media.storage.local.store import LocalStore
from media.storage.testing.memory import MemoryStore

pytestmark = pytest.mark.django_db
ADD = "admin:catalog_loramodel_add"
MODEL = "admin:catalog_loramodel_change"


@pytest.fixture
def subject(superuser: User) -> Subject:
    return Subject.objects.create(user=superuser, name="Ada", slug="ada")


def form_fields(subject: Subject, body: bytes, name: str = "shoe.safetensors") -> dict[str, Any]:
    return {
        "subject": subject.pk,
        "trigger": "ohwx",
        "entity_type": "shoe",
        "file": SimpleUploadedFile(name, body),
    }


def errors_of(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def test_the_page_of_a_model_shows_its_properties(
    superuser_client: Client, private_store: MemoryStore, subject: Subject
) -> None:
    body = files.safetensors()

    response = superuser_client.post(reverse(ADD), form_fields(subject, body), follow=True)

    model = LoraModel.objects.get()
    page = superuser_client.get(reverse(MODEL, args=[model.pk])).content.decode()
    assert response.redirect_chain == [(reverse("admin:catalog_loramodel_changelist"), 302)]
    assert private_store.body(model.file_path) == body
    for text in (
        model.file_path,
        f">{model.partial_path}<",
        "shoe.safetensors",
        str(len(body)),
        "Upload timestamp",
        model.sha256,
        "Clean",
    ):
        assert text in page


def test_a_download_link_is_signed_and_not_cached(
    superuser_client: Client, subject: Subject, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path, "private", base_url="http://testserver")
    with factory.replaced(private=store):
        superuser_client.post(reverse(ADD), form_fields(subject, files.safetensors()))
        model = LoraModel.objects.get()

        response = superuser_client.get(
            reverse("admin:catalog_loramodel_download", args=[model.pk])
        )

    url, token = response["Location"].split("?token=")
    assert response.status_code == 302
    assert url == f"http://testserver/local-store/{model.file_path}"
    assert store.read_get_token(token).key == model.file_path
    assert "no-store" in response["Cache-Control"]


@pytest.mark.covers("T49")
def test_a_malicious_model_is_flagged_on_its_page(
    superuser_client: Client, private_store: MemoryStore, subject: Subject, tmp_path: Path
) -> None:
    target = tmp_path / "executed"

    superuser_client.post(reverse(ADD), form_fields(subject, files.evil_pickle(target), "shoe.pt"))

    model = LoraModel.objects.get()
    page = superuser_client.get(reverse(MODEL, args=[model.pk])).content.decode()
    list_page = superuser_client.get(reverse("admin:catalog_loramodel_changelist")).content.decode()
    assert model.verdict == Verdict.DANGEROUS
    assert "Loading it would call: builtins.exec" in page
    assert "Dangerous" in list_page
    assert not target.exists()


@pytest.mark.covers("T49")
@pytest.mark.parametrize(
    ("body", "name", "reason"),
    [
        (b"x", "shoe.exe", "The file name must end in"),
        (b"\xff" * 100, "shoe.safetensors", "larger than 8 MiB"),
        (b"", "shoe.pt", "The submitted file is empty."),
    ],
)
def test_a_refused_file_is_reported_at_its_field(
    superuser_client: Client,
    private_store: MemoryStore,
    subject: Subject,
    body: bytes,
    *,
    name: str,
    reason: str,
) -> None:
    response = superuser_client.post(reverse(ADD), form_fields(subject, body, name))

    assert response.status_code == 200
    assert reason in " ".join(errors_of(response)["file"])
    assert private_store.keys() == []
    assert not LoraModel.objects.exists()


def test_a_form_without_file_or_subject_reports_both(
    superuser_client: Client, private_store: MemoryStore
) -> None:
    response = superuser_client.post(reverse(ADD), {"trigger": "ohwx"})

    assert sorted(errors_of(response)) == ["file", "subject"]


def test_an_unavailable_store_is_reported_and_nothing_is_saved(
    superuser_client: Client, private_store: MemoryStore, subject: Subject
) -> None:
    def fail(operation: str, key: str) -> None:
        raise StoreUnavailableError

    private_store.before = fail

    response = superuser_client.post(reverse(ADD), form_fields(subject, files.safetensors()))

    assert response.status_code == 200
    assert list(errors_of(response)) == ["file"]
    assert not LoraModel.objects.exists()


# --- 100 MB, streamed -----------------------------------------------------------------------------


def send(client: Client, body: GeneratedBody) -> Any:
    environment: dict[str, Any] = {
        "wsgi.input": io.BufferedReader(body),
        "CONTENT_TYPE": "multipart/form-data; boundary=b",
        "CONTENT_LENGTH": str(body.length),
    }
    return client.generic("POST", reverse(ADD), **environment)


def test_uploading_100_megabytes_needs_little_memory(
    superuser_client: Client, subject: Subject, tmp_path: Path, settings: Any
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    store = CountingStore()
    superuser_client.get(reverse(ADD))  # load modules and templates before measuring memory
    tracemalloc.start()

    with store.installed_as_private_store():
        response = send(superuser_client, form_of(subject, size=rules.MAX_SIZE))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.status_code == 302
    assert LoraModel.objects.get().file_size == store.received_bytes == rules.MAX_SIZE
    assert peak < 24 * 1024 * 1024
    assert list(tmp_path.iterdir()) == []


def test_one_byte_more_is_refused_and_not_stored(
    superuser_client: Client,
    private_store: MemoryStore,
    subject: Subject,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path

    response = send(superuser_client, form_of(subject, size=rules.MAX_SIZE + 1))

    assert response.status_code == 200
    assert errors_of(response)["file"] == [rules.TOO_LARGE]
    assert private_store.keys() == []
    assert not ObjectDeletion.objects.exists()
    assert list(tmp_path.iterdir()) == []


# --- Permissions --------------------------------------------------------------------------------
def test_other_staff_can_only_view(
    superuser: User, private_store: MemoryStore, subject: Subject, superuser_client: Client
) -> None:
    superuser_client.post(reverse(ADD), form_fields(subject, files.safetensors()))
    model = LoraModel.objects.get()
    staff = UserFactory.create(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__endswith="_loramodel"))
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")

    view_response = client.get(reverse(MODEL, args=[model.pk]))
    responses = [
        client.get(reverse(ADD)),
        client.post(reverse(ADD), form_fields(subject, files.safetensors())),
        client.post(reverse(MODEL, args=[model.pk]), {"trigger": "x"}),
        client.post(reverse("admin:catalog_loramodel_delete", args=[model.pk]), {"post": "yes"}),
    ]

    assert view_response.status_code == 200
    assert [response.status_code for response in responses] == [403, 403, 403, 403]
    assert LoraModel.objects.count() == 1


@pytest.mark.covers("T49")
def test_an_upload_from_another_site_is_refused(
    superuser_client: Client, private_store: MemoryStore, subject: Subject
) -> None:
    csrf_checking_client = Client(enforce_csrf_checks=True)
    csrf_checking_client.cookies = superuser_client.cookies

    response = csrf_checking_client.post(reverse(ADD), form_fields(subject, files.safetensors()))

    assert response.status_code == 403
    assert private_store.keys() == []


# --- Changes and deletion -----------------------------------------------------------------------
def test_only_the_description_of_a_model_can_be_changed(
    superuser_client: Client, private_store: MemoryStore, subject: Subject
) -> None:
    superuser_client.post(reverse(ADD), form_fields(subject, files.safetensors()))
    model = LoraModel.objects.get()

    response = superuser_client.post(
        reverse(MODEL, args=[model.pk]),
        {"subject": subject.pk, "trigger": "new", "entity_type": "", "file_path": "loras/x"},
    )

    changed_model = LoraModel.objects.get()
    subject.refresh_from_db()
    assert response.status_code == 302
    assert (changed_model.trigger, subject.lora_trigger) == ("new", "new")
    assert changed_model.file_path == model.file_path


@pytest.mark.parametrize("many", [False, True])
def test_deleting_models_queues_their_objects(
    superuser_client: Client, private_store: MemoryStore, subject: Subject, *, many: bool
) -> None:
    superuser_client.post(reverse(ADD), form_fields(subject, files.safetensors()))
    model = LoraModel.objects.get()

    if many:
        data = {"action": "delete_selected", "_selected_action": [str(model.pk)], "post": "yes"}
        superuser_client.post(reverse("admin:catalog_loramodel_changelist"), data)
    else:
        superuser_client.post(
            reverse("admin:catalog_loramodel_delete", args=[model.pk]), {"post": "yes"}
        )

    deletion = ObjectDeletion.objects.get()
    assert not LoraModel.objects.exists()
    assert (deletion.bucket, deletion.key) == (Bucket.PRIVATE, model.file_path)
