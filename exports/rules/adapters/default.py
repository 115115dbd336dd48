import json
from collections.abc import Sequence

from exports.rules.adapters.base import Adapter, ExportedFile, csv_bytes, csv_cell, json_value
from exports.rules.templates import DEFAULT_TEMPLATE
from exports.rules.wildcards import WILDCARDS


class DefaultAdapter(Adapter):
    """All values of every file, as JSON and as CSV."""

    code = "default"
    display_name = "Default"
    template = DEFAULT_TEMPLATE

    def metadata_files(self, files: Sequence[ExportedFile]) -> dict[str, bytes]:
        """Return `metadata.json` and `metadata.csv`."""
        return {"metadata.json": _as_json(files), "metadata.csv": _as_csv(files)}


def _as_json(files: Sequence[ExportedFile]) -> bytes:
    entries = [
        {
            "file_name": file.name,
            "sha256": file.sha256,
            **{name: json_value(file.values.get(name)) for name in WILDCARDS},
        }
        for file in files
    ]
    return json.dumps({"files": entries}, ensure_ascii=False, indent=2).encode()


def _as_csv(files: Sequence[ExportedFile]) -> bytes:
    rows = [
        [csv_cell(file.name), file.sha256, *(csv_cell(file.values.get(name)) for name in WILDCARDS)]
        for file in files
    ]
    header = ["file_name", "sha256", *WILDCARDS]
    return csv_bytes(header, rows, delimiter=",", encoding="utf-8")
