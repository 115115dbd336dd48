"""A workbook's first sheet as CSV, made by a child process that cannot take the worker with it."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from bulkupload.errors import FileFaultError
from bulkupload.rules.limits import LARGEST_WORKBOOK, MIB, WORKBOOK_MEMORY, WORKBOOK_SECONDS

CHILD = Path(__file__).with_name("workbook_child.py")
POLL_SECONDS = 1.0
UNREADABLE = "The workbook cannot be read. Save its first sheet as CSV and send that."


def convert(source: Path, target: Path, *, watch: Callable[[], None]) -> None:
    """Write the first sheet of a workbook as UTF-8 CSV, one line a row, `watch`ed meanwhile.

    Raises FileFaultError for a workbook that is broken or unpacks to more than we read.
    """
    _require_bounded(source)
    # -P: the script's folder must not shadow the standard library.
    command = [sys.executable, "-P", "-B", str(CHILD), str(source), str(target)]
    limits = [str(WORKBOOK_MEMORY), str(WORKBOOK_SECONDS)]
    child = subprocess.Popen(  # noqa: S603  our own script under our own interpreter
        [*command, *limits], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        code = _ended(child, watch)
    finally:
        child.kill()
        child.wait()
    if code != 0:
        raise FileFaultError("unreadable", UNREADABLE)


def _ended(child: "subprocess.Popen[bytes]", watch: Callable[[], None]) -> int:
    waited = 0.0
    while waited < WORKBOOK_SECONDS * 2:
        try:
            return child.wait(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            waited += POLL_SECONDS
            watch()
    return -1


def _require_bounded(source: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise FileFaultError("unreadable", UNREADABLE) from None
    if unpacked > LARGEST_WORKBOOK:
        limit = LARGEST_WORKBOOK // MIB
        message = f"The workbook unpacks to more than {limit} MiB. Save it as CSV and send that."
        raise FileFaultError("workbook_too_large", message)
