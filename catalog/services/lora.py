"""LoRA models: uploaded by staff, scanned but never loaded, stored in the private bucket.

The largest size of a file is `MAX_SIZE` (catalog/rules/lora.py).
"""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import User
from accounts.selectors import require_superuser
from catalog.actions import CatalogAction
from catalog.models import LoraModel, Subject, Verdict
from catalog.rules import lora as rules
from media.models import Bucket, DeletionReason
from media.rules import keys, limits
from media.services import deletions, stored_objects
from media.storage import ObjectHeaders, private_store
from sartiq.core import events
from sartiq.core.limits import request_limits
from sartiq.core.models import new_id

SCANNER = Path(__file__).with_name("pickle_scanner.py")
SCAN_SECONDS = 20
LINK_LIFETIME = timedelta(minutes=5)
CHUNK_BYTES = 1024 * 1024
MAX_NAME_LENGTH = 255
HEADERS = ObjectHeaders(
    content_type="application/octet-stream", content_disposition="attachment", cache_control=None
)


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model file on disk during its request."""

    path: Path
    filename: str

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.path.stat().st_size


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """Result of scanning a model file."""

    verdict: Verdict
    details: str
    tensor_count: int | None = None


def upload(
    *,
    file: ModelFile,
    subject: Subject,
    trigger: str,
    entity_type: str,
    user: User,
    now: datetime,
) -> LoraModel:
    """Scan a model file, store its bytes, then write its row; superusers only.

    Raises ModelFileError or FileNameRefusedError for a file that is not accepted, and
    StoreUnavailableError or StoringTooSlowError if it cannot be stored now.
    """
    require_superuser(user)
    request_limits.extend_and_take_permit(
        limits.request_budget(file.size) + timedelta(seconds=SCAN_SECONDS)
    )
    result = examine(file)
    model = LoraModel(
        id=new_id(),
        subject=subject,
        trigger=trigger,
        entity_type=entity_type,
        filename=file.filename[:MAX_NAME_LENGTH],
        file_size=file.size,
        verdict=result.verdict,
        verdict_details=result.details,
        tensor_count=result.tensor_count,
        upload_timestamp=now,
        uploaded_by=user,
    )
    model.file_path = keys.private_key(keys.PrivateArea.LORAS, model.pk, file.filename)
    with file.path.open("rb") as body:
        model.sha256 = _sha256_of(body)
        body.seek(0)
        stored = stored_objects.put(private_store(), model.file_path, body, headers=HEADERS)
    with transaction.atomic():
        stored.cancel_deletion()
        model.save(force_insert=True)
        _set_trigger(model)
        events.record(CatalogAction.LORA_MODEL_CREATED, model, verdict=model.verdict)
    return model


def examine(file: ModelFile) -> ScanResult:
    """Check the contents of a model file."""
    suffix = rules.require_acceptable(filename=file.filename, size=file.size)
    return _list_tensors(file) if suffix == rules.SAFETENSORS else _scan(file)


def describe(*, model: LoraModel, user: User) -> None:
    """Save a model's description; its trigger also becomes the subject's; superusers only."""
    require_superuser(user)
    with transaction.atomic():
        model.save(update_fields=["subject", "trigger", "entity_type", "updated_at"])
        _set_trigger(model)
        events.record(CatalogAction.LORA_MODEL_UPDATED, model)


def discard(rows: QuerySet[LoraModel], *, user: User) -> int:
    """Delete models and queue their objects for deletion; return how many; superusers only."""
    require_superuser(user)
    with transaction.atomic():
        locked = list(rows.select_for_update(of=("self",)).order_by("pk"))
        events.record_each(CatalogAction.LORA_MODEL_DELETED, locked)
        LoraModel.objects.filter(pk__in=[model.pk for model in locked]).delete()
        deletions.queue(
            [model.file_path for model in locked],
            reason=DeletionReason.REPLACED,
            bucket=Bucket.PRIVATE,
        )
    return len(locked)


def download_url(model: LoraModel) -> str:
    """Return a download URL of a model, valid for five minutes."""
    name = model.file_path.rsplit("/", 1)[-1]
    return private_store().sign_get(model.file_path, lifetime=LINK_LIFETIME, filename=name)


def _list_tensors(file: ModelFile) -> ScanResult:
    with file.path.open("rb") as body:
        length = rules.header_length(body.read(rules.LENGTH_BYTES), size=file.size)
        header = body.read(length)
    count = rules.count_tensors(header, body_size=file.size - rules.LENGTH_BYTES - length)
    details = f"A safetensors file with {count} tensors; the format cannot contain code."
    return ScanResult(verdict=Verdict.CLEAN, details=details, tensor_count=count)


def _scan(file: ModelFile) -> ScanResult:
    """Scan the pickle in a separate process, which detects the format by the file's suffix."""
    # -P: the script's folder must not shadow the standard library.
    command = [sys.executable, "-P", "-B", str(SCANNER), str(file.path)]
    try:
        process = subprocess.run(  # noqa: S603  our own script under our own interpreter
            command, capture_output=True, timeout=SCAN_SECONDS, check=True, env={}
        )
        result = json.loads(process.stdout)
        return ScanResult(verdict=Verdict(result["verdict"]), details=result["details"])
    except (subprocess.SubprocessError, ValueError, KeyError):
        details = "The scan was stopped: the file needs too much memory or time."
        return ScanResult(verdict=Verdict.UNSCANNED, details=details)


def _sha256_of(body: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := body.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _set_trigger(model: LoraModel) -> None:
    if model.trigger and model.subject_id:
        Subject.objects.filter(pk=model.subject_id).update(
            lora_trigger=model.trigger, updated_at=Now()
        )
        events.record(CatalogAction.SUBJECT_UPDATED, model.subject, fields=["lora_trigger"])
