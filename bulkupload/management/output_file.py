"""The file a command writes its result to: the refused rows or the report."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.core.management.base import CommandError


@contextmanager
def output_file(path: Path | None) -> Iterator[BinaryIO | None]:
    """Open the file before the import; its old content stays until something is written.

    If the path is not writable, the command must fail before anything is imported.
    """
    if path is None:
        yield None
        return
    existed = path.exists()
    with path.open("ab") as target:
        try:
            yield target
        finally:
            if not existed and not target.tell():
                path.unlink(missing_ok=True)


def write(path: Path, target: BinaryIO, lines: Iterable[bytes]) -> None:
    """Replace the content of the file."""
    if path.is_file():  # a pipe cannot be truncated
        target.truncate(0)
    target.writelines(lines)


def require_two_files(source: Path, target: Path | None, *, option: str, returncode: int) -> None:
    """Raise CommandError if the output would overwrite the input."""
    try:
        is_same = target is not None and target.samefile(source)
    except OSError:  # one of them does not exist
        return
    if is_same:
        message = f"{option} is the input file itself. Choose another file."
        raise CommandError(message, returncode=returncode)
