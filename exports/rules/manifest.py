"""`manifest.json`: what an archive holds, and what it lacks."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One file of the archive; metadata files come from no resource."""

    name: str
    resource_id: str | None
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Missing:
    """One file that could not be exported, and why."""

    name: str
    resource_id: str
    code: str


def manifest(files: Iterable[Listed], failed: Iterable[Missing]) -> bytes:
    """Return the manifest; equal files give equal bytes."""
    content = {
        "files": [asdict(each) for each in files],
        "failed": [asdict(each) for each in failed],
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode()
