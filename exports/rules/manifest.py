"""`manifest.json`: the files of an archive, and those that could not be exported."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class PackedFile:
    """One file of the archive; `resource_id` is None for a metadata file."""

    name: str
    resource_id: str | None
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class FailedFile:
    """One file that could not be exported, and why."""

    name: str
    resource_id: str
    code: str


def manifest(files: Iterable[PackedFile], failed: Iterable[FailedFile]) -> bytes:
    """Return the manifest; equal files give equal bytes."""
    content = {
        "files": [asdict(file) for file in files],
        "failed": [asdict(file) for file in failed],
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode()
