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

_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True)
class ExportedFile:
    """One file of an export with its metadata."""

    name: str
    sha256: str
    values: Mapping[str, Value]


class Adapter(ABC):
    """The file names and metadata files for one recipient.

    To add an adapter, add a module with a subclass to this package.
    """

    code: ClassVar[str]
    display_name: ClassVar[str]
    template: ClassVar[str]
    is_customizable: ClassVar[bool] = True

    @abstractmethod
    def metadata_files(self, files: Sequence[ExportedFile]) -> dict[str, bytes]:
        """Return the metadata files by name; equal files give equal bytes."""

    def naming_template(self, custom: str | None) -> Template:
        """Return the naming template: the customer's, if the adapter allows one."""
        text = custom if custom is not None and self.is_customizable else self.template
        return templates.compile_template(text)

    @property
    def naming_convention_example(self) -> str:
        """Return an example name in the adapter's template."""
        return self.naming_template(None).render(EXAMPLES)


def json_value(value: Value) -> str | int:
    """Return a value for JSON or CSV."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else value


def csv_cell(value: Value) -> str:
    """Return a value as text that no spreadsheet treats as a formula."""
    text = str(json_value(value))
    return f"'{text}" if text.startswith(_FORMULA_PREFIXES) else text


def csv_bytes(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, delimiter: str, encoding: str
) -> bytes:
    """Return a table as the bytes of a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)
