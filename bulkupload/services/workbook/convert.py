"""Converting the table of a workbook to CSV, in a child process with limited resources."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from bulkupload.errors import JobFailureError
from bulkupload.rules.limits import (
    MAX_FILE_BYTES,
    MAX_WORKBOOK_BYTES,
    MAX_WORKBOOK_MEMORY,
    MAX_WORKBOOK_SECONDS,
    MIB,
)
from bulkupload.rules.table.header import FieldMapping
from bulkupload.rules.table.table_warnings import SheetReport
from sartiq.core import temporary_files

CHILD = Path(__file__).with_name("child.py")
IMPORT_ROOT = Path(__file__).parents[3]  # the child's PYTHONPATH
POLL_SECONDS = 1.0
UNREADABLE = "The workbook cannot be read. Save the sheet as CSV and send that."


def to_csv(
    source: BinaryIO, target: BinaryIO, *, mapping: FieldMapping, on_progress: Callable[[], None]
) -> SheetReport:
    """Write the table of a workbook as UTF-8 CSV, one line for each row.

    Both files must have a file descriptor, which the child process inherits. `on_progress` is
    called about once a second. Raises JobFailureError for a workbook that is broken or too large
    once unpacked.
    """
    _require_bounded_size(source)
    # -P: the script's folder must not shadow the standard library.
    files = (source.fileno(), target.fileno())
    command = [sys.executable, "-P", "-B", str(CHILD), *(f"/dev/fd/{number}" for number in files)]
    limits = [str(MAX_WORKBOOK_MEMORY), str(MAX_WORKBOOK_SECONDS), str(MAX_FILE_BYTES)]
    # A file, since `communicate` never sends its input if its first call times out before that.
    with temporary_files.nameless_file() as stdin:
        stdin.write(json.dumps(dict(mapping)).encode())
        stdin.seek(0)
        child = subprocess.Popen(  # noqa: S603  our own script under our own interpreter
            [*command, *limits],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(IMPORT_ROOT)},
            pass_fds=files,
        )
    try:
        output = _wait_for_output(child, on_progress)
    finally:
        child.kill()
        child.communicate()
    if output is None:
        raise JobFailureError("unreadable", UNREADABLE)
    return SheetReport(**json.loads(output))


def _wait_for_output(
    child: "subprocess.Popen[bytes]", on_progress: Callable[[], None]
) -> bytes | None:
    """Return the output of the child, or None if it failed or took too long."""
    waited = 0.0
    while waited < MAX_WORKBOOK_SECONDS * 2:
        try:
            output, _ = child.communicate(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            waited += POLL_SECONDS
            on_progress()
        else:
            return output if child.returncode == 0 else None
    return None


def _require_bounded_size(source: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        # zipfile raises NotImplementedError for features of ZIP that it lacks.
        raise JobFailureError("unreadable", UNREADABLE) from None
    if unpacked > MAX_WORKBOOK_BYTES:
        limit = MAX_WORKBOOK_BYTES // MIB
        message = f"The workbook unpacks to more than {limit} MiB. Save it as CSV and send that."
        raise JobFailureError("workbook_too_large", message)
