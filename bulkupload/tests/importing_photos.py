"""The command `import_photos` and folders for it."""

import io
import json
from pathlib import Path
from typing import Any

from django.core.management import call_command

from media.tests.factories import photo


def fill(folder: Path, *names: str) -> Path:
    """Write a different image for each name."""
    for number, name in enumerate(names, start=1):
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(photo(number))
    return folder


def run(*arguments: object) -> dict[str, Any]:
    """Run the command and return its counts that are not 0."""
    out = io.StringIO()
    call_command("import_photos", *map(str, arguments), "--json", stdout=out)
    counts: dict[str, Any] = json.loads(out.getvalue())
    return {name: count for name, count in counts.items() if count}
