import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from exports.rules import templates
from exports.rules.templates import Template
from exports.rules.wildcards import EXAMPLES, Value

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True)
class ExportedFile:
    """One file of an export with its metadata."""

    name: str
    sha256: str
    values: Mapping[str, Value]


class Adapter(ABC):
    """How one receiver wants names and metadata.

    A module of this package that holds a subclass adds an adapter; nothing else is to be changed.
    """

    code: ClassVar[str]
    display_name: ClassVar[str]
    template: ClassVar[str]
    is_customizable: ClassVar[bool] = True

    @abstractmethod
    def metadata_files(self, files: Sequence[ExportedFile]) -> dict[str, bytes]:
        """Return the metadata files by name; equal files give equal bytes."""

    def naming(self, own: str | None) -> Template:
        """Return the naming template: the customer's own where the adapter allows one."""
        chosen = own if own is not None and self.is_customizable else self.template
        return templates.compile_template(chosen)

    @property
    def naming_convention_example(self) -> str:
        """An example name from the adapter's own template."""
        return self.naming(None).render(EXAMPLES)


def plain(value: Value) -> str | int:
    """Return a value as JSON and CSV take it."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else value


def cell(value: Value) -> str:
    """Return a value that no spreadsheet runs as a formula."""
    text = str(plain(value))
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def csv_bytes(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, delimiter: str, encoding: str
) -> bytes:
    """Return a table as the bytes of a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)
