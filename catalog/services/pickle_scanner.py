"""Scanner of one pickled model file, run as its own process; prints the result as JSON.

Run as a script: a file built to exhaust memory or time ends only this process. Nothing
in the file is ever unpickled; picklescan only reads which names it would import.
"""

import json
import logging
import resource
import sys
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
LIMITS = {
    resource.RLIMIT_AS: 512 * MIB,
    resource.RLIMIT_CPU: 10,  # seconds
    resource.RLIMIT_FSIZE: 0,  # it writes no file
}
MAX_LISTED_NAMES = 20


class SkippedParts(logging.Handler):
    """Counts the parts that the scanner skipped, which its result does not report."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count one part of the file that was skipped."""
        if str(record.msg).startswith(("Invalid file", "ERROR", "WARNING: could not parse")):
            self.count += 1


def scan_file(path: Path) -> tuple[str, str]:
    """Return the verdict on a file, and the reason."""
    from picklescan.scanner import SafetyLevel, scan_bytes  # noqa: PLC0415  under the limits

    skipped_parts = SkippedParts()
    logger = logging.getLogger("picklescan")
    logger.addHandler(skipped_parts)
    logger.propagate = False
    with path.open("rb") as file:
        scan = scan_bytes(file, "model", path.suffix)
    dangerous = _names(scan.globals, SafetyLevel.Dangerous)
    unknown = _names(scan.globals, SafetyLevel.Suspicious)
    if dangerous:
        return "DANGEROUS", f"Loading it would call: {dangerous}"
    if unknown:
        return "SUSPICIOUS", f"Loading it would import: {unknown}"
    if not scan.globals:
        return "UNSCANNED", "The file contains no pickle with imports."
    if skipped_parts.count or scan.scan_err:
        return "SUSPICIOUS", "Part of the file could not be read."
    return "CLEAN", f"Loading it would import {len(scan.globals)} known, harmless names."


def _names(scan: list[Any], safety: Any) -> str:
    names = sorted({f"{item.module}.{item.name}" for item in scan if item.safety == safety})
    more = f" and {len(names) - MAX_LISTED_NAMES} more" if len(names) > MAX_LISTED_NAMES else ""
    return ", ".join(name[:200] for name in names[:MAX_LISTED_NAMES]) + more


def main() -> None:
    """Scan the file given as the only argument, under hard limits."""
    for limit, maximum in LIMITS.items():
        resource.setrlimit(limit, (maximum, maximum))
    try:
        verdict, details = scan_file(Path(sys.argv[1]))
    except Exception as error:  # noqa: BLE001  any error that a hostile file causes in the scanner
        verdict, details = "UNSCANNED", f"The scanner failed ({type(error).__name__})."
    sys.stdout.write(json.dumps({"verdict": verdict, "details": details}))


if __name__ == "__main__":
    main()
