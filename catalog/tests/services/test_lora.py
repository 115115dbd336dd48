import hashlib
import pickle
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.errors import ModelFileError
from catalog.models import LoraModel, Subject, Verdict
from catalog.rules import lora as rules
from catalog.services import lora
from catalog.services.lora import ModelFile
from catalog.tests.services import model_files as files
from media.errors import FileNameRefusedError, StoreUnavailableError
from media.models import Bucket, ObjectDeletion
from media.services import deletions
from media.storage.testing.memory import MemoryStore, nothing
from media.tests.stores import stores_with_environment_markers
from sartiq.core.errors import NotPermittedError
from sartiq.core.limits.request_limits import RequestLimits, limited

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Save = Callable[..., ModelFile]


@pytest.fixture
def store(db: None) -> Iterator[MemoryStore]:
    private = MemoryStore()
    with stores_with_environment_markers(MemoryStore(), private):
        yield private


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save_upload(body: bytes, filename: str = "shoe.safetensors") -> ModelFile:
        path = tmp_path / f"upload{Path(filename).suffix}"
        path.write_bytes(body)
        return ModelFile(path=path, filename=filename)

    return save_upload


@pytest.fixture
def superuser(db: None) -> User:
    return UserFactory.create(superuser=True)


@pytest.fixture
def subject(superuser: User) -> Subject:
    return Subject.objects.create(user=superuser, name="Ada", slug="ada", lora_trigger="old")


def upload(file: ModelFile, subject: Subject, user: User, **values: Any) -> LoraModel:
    fields: dict[str, Any] = {"trigger": "", "entity_type": "", "now": NOW}
    return lora.upload(file=file, subject=subject, user=user, **fields | values)


# --- Uploading a model --------------------------------------------------------------------------
def test_a_model_is_stored_with_its_properties(
    store: MemoryStore, save: Save, subject: Subject, superuser: User
) -> None:
    body = files.safetensors()

    model_file = upload(
        save(body, "../My Shoe.SafeTensors"), subject, superuser, trigger="ohwx", entity_type="shoe"
    )

    model = LoraModel.objects.get()
    subject.refresh_from_db()
    assert model == model_file
    assert model.file_path == f"loras/{model.pk}/My_Shoe.safetensors"
    assert model.partial_path == f"{model.pk}/My_Shoe.safetensors"
    assert (model.filename, model.file_size) == ("../My Shoe.SafeTensors", len(body))
    assert (model.upload_timestamp, model.uploaded_by) == (NOW, superuser)
    assert model.sha256 == hashlib.sha256(body).hexdigest()
    assert (model.verdict, model.tensor_count) == (Verdict.CLEAN, 2)
    assert (model.entity_type, model.trigger, subject.lora_trigger) == ("shoe", "ohwx", "ohwx")
    assert store.body(model.file_path) == body
    assert not ObjectDeletion.objects.exists()


def test_without_a_trigger_the_subject_keeps_its_trigger(
    store: MemoryStore, save: Save, subject: Subject, superuser: User
) -> None:
    upload(save(files.safetensors()), subject, superuser)

    subject.refresh_from_db()
    assert subject.lora_trigger == "old"


def test_an_upload_may_take_longer_than_other_requests(
    store: MemoryStore, save: Save, subject: Subject, superuser: User
) -> None:
    limits = RequestLimits(5, take_permit=lambda _limits: False, return_permit=lambda _limits: None)

    with limited(limits):
        upload(save(files.safetensors()), subject, superuser)

    assert limits.remaining() > lora.SCAN_SECONDS


def test_only_superusers_can_upload(
    store: MemoryStore, save: Save, subject: Subject, db: None
) -> None:
    staff = UserFactory.create(is_staff=True)

    with pytest.raises(NotPermittedError):
        upload(save(files.safetensors()), subject, staff)

    assert store.keys() == []


# --- Failures and deletion ----------------------------------------------------------------------
def fail_to_put(operation: str, key: str) -> None:
    if operation == "put":
        raise StoreUnavailableError


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_store_error_leaves_neither_a_row_nor_an_object(
    store: MemoryStore, save: Save, subject: Subject, superuser: User, when: str
) -> None:
    setattr(store, when, fail_to_put)

    with pytest.raises(StoreUnavailableError):
        upload(save(files.safetensors()), subject, superuser)

    deletion = ObjectDeletion.objects.get()
    assert not LoraModel.objects.exists()
    assert deletion.bucket == Bucket.PRIVATE
    assert store.keys() == ([] if when == "before" else [deletion.key])


def test_an_object_without_a_row_is_deleted_later(
    store: MemoryStore, save: Save, subject: Subject, superuser: User
) -> None:
    store.after = fail_to_put
    with pytest.raises(StoreUnavailableError):
        upload(save(files.safetensors()), subject, superuser)
    store.after = nothing
    deletion = ObjectDeletion.objects.get()

    deletions.perform(deletion.pk)
    keys_before = store.keys()
    ObjectDeletion.objects.update(run_after=None)
    deletions.perform(deletion.pk)

    assert keys_before == [deletion.key]
    assert store.keys() == []


def test_deleting_a_model_queues_its_object(
    store: MemoryStore, save: Save, subject: Subject, superuser: User
) -> None:
    model = upload(save(files.safetensors()), subject, superuser)

    lora.discard(LoraModel.objects.filter(pk=model.pk), user=superuser)

    deletion = ObjectDeletion.objects.get()
    assert not LoraModel.objects.exists()
    assert (deletion.key, deletion.bucket) == (model.file_path, Bucket.PRIVATE)
    deletions.perform(deletion.pk)
    assert store.keys() == []


def test_deleting_a_subject_does_not_delete_its_model(
    store: MemoryStore, save: Save, subject: Subject, superuser: User
) -> None:
    model = upload(save(files.safetensors()), subject, superuser)

    subject.delete()

    model.refresh_from_db()
    assert model.subject is None
    assert store.keys() == [model.file_path]


# --- Checks of safetensors files ----------------------------------------------------------------
def header_of(**tensor: Any) -> bytes:
    tensor_header = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    return files.safetensors({"a": tensor_header | tensor})


@pytest.mark.covers("T49")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"short", "too short"),
        (struct.pack("<Q", 8 * 1024 * 1024 + 1) + bytes(100), "larger than 8 MiB"),
        (struct.pack("<Q", 2**64 - 1) + bytes(100), "larger than 8 MiB"),
        (struct.pack("<Q", 101) + bytes(100), "cut off"),
        (struct.pack("<Q", 100) + bytes(100), "not JSON"),
        (struct.pack("<Q", 100_000) + b"[" * 100_000, "not JSON"),
        (struct.pack("<Q", 20_000) + b"9" * 20_000, "not JSON"),
        (files.safetensors([]), "not a JSON object"),
        (files.safetensors({"a": 1}), "outside"),
        (header_of(data_offsets=[0, 17]), "outside"),
        (header_of(data_offsets=[-1, 8]), "outside"),
        (header_of(data_offsets=[8, 0]), "outside"),
        (header_of(data_offsets=["0", "8"]), "outside"),
        (header_of(data_offsets=None), "outside"),
    ],
)
def test_a_malformed_safetensors_file_is_refused(
    store: MemoryStore, save: Save, subject: Subject, body: bytes, reason: str
) -> None:
    with pytest.raises(ModelFileError, match=reason):
        upload(save(body), subject, subject.user)

    assert store.keys() == []
    assert not LoraModel.objects.exists()


@pytest.mark.parametrize("name", ["a.zip", "a.pkl", "a", "safetensors", "a.safetensors.exe", ""])
def test_other_formats_are_refused(save: Save, name: str) -> None:
    with pytest.raises(ModelFileError, match="The file name must end in"):
        rules.require_acceptable(filename=name, size=1)


def test_the_size_limit_is_100_mebibytes() -> None:
    assert rules.require_acceptable(filename="a.PT", size=104_857_600) == ".pt"
    with pytest.raises(ModelFileError, match="larger than 100 MiB"):
        rules.require_acceptable(filename="a.pt", size=104_857_601)


def test_a_name_with_control_characters_is_refused(
    store: MemoryStore, save: Save, subject: Subject, superuser: User
) -> None:
    file = ModelFile(path=save(files.safetensors()).path, filename="a\n.safetensors")

    with pytest.raises(FileNameRefusedError):
        upload(file, subject, superuser)

    assert store.keys() == []


# --- Scans of pickles -----------------------------------------------------------------------------
@pytest.mark.covers("T49")
@pytest.mark.parametrize("suffix", sorted(rules.PICKLES))
@pytest.mark.parametrize("wrap", [bytes, files.zipped])
def test_a_malicious_pickle_has_no_effect_and_is_flagged(
    save: Save, tmp_path: Path, suffix: str, wrap: Callable[[bytes], bytes]
) -> None:
    target = tmp_path / "executed"
    body = files.evil_pickle(target)

    result = lora.examine(save(wrap(body), f"shoe{suffix}"))

    assert result.verdict == Verdict.DANGEROUS
    assert "builtins.exec" in result.details
    assert not target.exists()
    pickle.loads(body)  # it really is malicious
    assert target.exists()


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (files.harmless_pickle(), Verdict.CLEAN),
        (files.zipped(files.harmless_pickle()), Verdict.CLEAN),
        (files.zipped(files.harmless_pickle(), b"\x80\x02no pickle"), Verdict.SUSPICIOUS),
        (pickle.dumps(files.Calls(datetime, 2026, 1, 1)), Verdict.SUSPICIOUS),
        (b"this is no model at all", Verdict.UNSCANNED),
        (bytes(1000), Verdict.UNSCANNED),
        (files.safetensors(), Verdict.UNSCANNED),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), Verdict.UNSCANNED),
    ],
)
def test_a_pickle_gets_a_verdict(save: Save, body: bytes, verdict: Verdict) -> None:
    assert lora.examine(save(body, "shoe.pt")).verdict == verdict


@pytest.mark.covers("T49")
def test_a_pickle_that_needs_a_terabyte_ends_only_its_scan(save: Save) -> None:
    body = b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x"

    result = lora.examine(save(body, "shoe.pt"))

    assert result.verdict == Verdict.UNSCANNED


@pytest.mark.covers("T49")
def test_the_scan_of_a_pickle_that_takes_too_long_is_stopped(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pickle has sixteen million opcodes, and the scanner reads them all."""
    monkeypatch.setattr(lora, "SCAN_SECONDS", 1)
    body = b"\x80\x02" + b"N0" * 8_000_000 + b"N."

    result = lora.examine(save(body, "shoe.pt"))

    assert result.verdict == Verdict.UNSCANNED
    assert "needs too much memory or time" in result.details
