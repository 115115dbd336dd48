"""A workbook's table as CSV, made by a child process that cannot take the worker with it."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from bulkupload.errors import FileFaultError
from bulkupload.rules.limits import (
    MAX_FILE_BYTES,
    MAX_WORKBOOK_BYTES,
    MIB,
    WORKBOOK_MEMORY,
    WORKBOOK_SECONDS,
)
from bulkupload.rules.table.header import Mapped
from bulkupload.rules.table.sheet_reports import SheetReport

CHILD = Path(__file__).with_name("child.py")
CODE = Path(__file__).parents[3]  # where the child finds our package
POLL_SECONDS = 1.0
UNREADABLE = "The workbook cannot be read. Save the sheet as CSV and send that."


def convert(
    source: BinaryIO, target: BinaryIO, *, mapping: Mapped, watch: Callable[[], None]
) -> SheetReport:
    """Write the table of a workbook as UTF-8 CSV, one line a row, `watch`ed meanwhile.

    Both are files of the kernel, perhaps without a name: the child inherits and opens them again.

    Raises FileFaultError for a workbook that is broken or unpacks to more than we read.
    """
    _require_bounded(source)
    # -P: the script's folder must not shadow the standard library.
    files = (source.fileno(), target.fileno())
    command = [sys.executable, "-P", "-B", str(CHILD), *(f"/dev/fd/{each}" for each in files)]
    limits = [str(WORKBOOK_MEMORY), str(WORKBOOK_SECONDS), str(MAX_FILE_BYTES)]
    child = subprocess.Popen(  # noqa: S603  our own script under our own interpreter
        [*command, *limits],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(CODE)},
        pass_fds=files,
    )
    try:
        output = _output_of(child, json.dumps(dict(mapping)).encode(), watch)
    finally:
        child.kill()
        child.communicate()
    if output is None:
        raise FileFaultError("unreadable", UNREADABLE)
    return SheetReport(**json.loads(output))


def _output_of(
    child: "subprocess.Popen[bytes]", told: bytes, watch: Callable[[], None]
) -> bytes | None:
    """Return what a child wrote that ended well in time."""
    waited = 0.0
    unsent: bytes | None = told
    while waited < WORKBOOK_SECONDS * 2:
        try:
            output, _ = child.communicate(unsent, timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            unsent = None  # the first call has begun to send it
            waited += POLL_SECONDS
            watch()
        else:
            return output if child.returncode == 0 else None
    return None


def _require_bounded(source: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise FileFaultError("unreadable", UNREADABLE) from None
    if unpacked > MAX_WORKBOOK_BYTES:
        limit = MAX_WORKBOOK_BYTES // MIB
        message = f"The workbook unpacks to more than {limit} MiB. Save it as CSV and send that."
        raise FileFaultError("workbook_too_large", message)
