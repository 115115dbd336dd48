"""The header of a table: which column has which field."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple, Self

from bulkupload.errors import JobFailureError
from bulkupload.rules.limits import MAX_COLUMNS
from bulkupload.rules.rows.columns import COLUMNS, HANDLE_NAMES, POSITION_NAMES, normalized_name
from bulkupload.rules.rows.formulas import restore
from bulkupload.rules.rows.row_shape_errors import storable

# The error file appends these to the uploader's own columns; reading it back removes them.
ERROR_COLUMNS: Final = ("error_line", "error_column", "error_code", "error_message")
ERROR_SEPARATOR: Final = "; "  # of several errors of one row
_PLAIN: Final = {normalized_name(column.field): column.field for column in COLUMNS}
_FIELD_OF: Final = _PLAIN | {name: column.field for column in COLUMNS for name in column.names}
_CLOSE_ENOUGH: Final = 0.75
_MARK: Final = "\ufeff"  # byte order mark

Mapped = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class HeaderColumn:
    """One column of the uploader's table: its field, or the one its name may have meant.

    `mapped` means that the uploader chose the field in a mapping.
    """

    name: str
    field: str | None = None
    suggestion: str | None = None
    mapped: bool = False


class ReturnedErrors(NamedTuple):
    """The error columns of a row that came back; the code is empty if the row was corrected."""

    column: str = ""
    code: str = ""

    def reports(self, code: str, column: str) -> bool:
        """Whether an error with this code and one in this column are among them."""
        return _is_listed(code, self.code) and _is_listed(column, restore(self.column))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The positions of the fields in a row.

    `errors_at` is where the error columns begin in a returned error file. `handle` is the column
    that makes the table a Shopify export, `position` the one that orders its pictures.
    """

    columns: tuple[HeaderColumn, ...]
    names: tuple[str, ...] = ()
    fields: Mapping[str, int] = field(default_factory=dict)
    handle: int | None = None
    position: int | None = None
    errors_at: int | None = None

    @classmethod
    def of(cls, columns: Sequence[HeaderColumn]) -> Self:
        """Return the layout of a header."""
        every = [column.name for column in columns]
        errors_at = _errors_at(every)
        own = list(columns)
        if errors_at is not None:
            del own[errors_at : errors_at + len(ERROR_COLUMNS)]
        return cls(
            columns=tuple(own),
            names=tuple(every),
            fields={each.field: at for at, each in enumerate(own) if each.field},
            handle=_position_of(own, HANDLE_NAMES),
            position=_position_of(own, POSITION_NAMES),
            errors_at=errors_at,
        )

    @classmethod
    def from_stored(cls, columns: Sequence[Mapping[str, Any]]) -> Self:
        """Return the layout of the columns that a job stores."""
        return cls.of([HeaderColumn(**column) for column in columns])

    @property
    def width(self) -> int:
        """The number of cells in a row, without the error columns."""
        return len(self.columns)

    def is_whole(self, cells: Sequence[str]) -> bool:
        """Whether a row as it was sent has a cell for each column; empty ones may follow."""
        width = self._with_errors(self.width)
        return len(cells) >= width and not any(map(str.strip, cells[width:]))

    @property
    def header_starts(self) -> frozenset[str]:
        """The first cells of repeated headers: each part of a joined file may have its own mark."""
        if not self.names:
            return frozenset()
        name = self.names[0]
        spellings = {name, name.lower(), name.upper(), name.capitalize(), name.title()}
        return frozenset({*spellings, *(f"{_MARK}{each}" for each in spellings)})

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether a row repeats the header, in upper or lower case."""
        if not cells or _folded(cells[0].strip().lstrip(_MARK)) != _folded(self.names[0]):
            return False
        names = _trimmed([cells[0].strip().lstrip(_MARK), *cells[1:]])
        return [*map(_folded, names)] == [*map(_folded, self.names)]

    def name_of(self, field_name: str) -> str:
        """Return the uploader's name of the column with a field."""
        return self.columns[self.fields[field_name]].name

    def place_of(self, field_name: str) -> int:
        """Return the position of a field in a row as it was sent, with the error columns."""
        return self._with_errors(self.fields[field_name])

    @property
    def handle_place(self) -> int:
        """The position of the handle in a row as it was sent."""
        return self._with_errors(self.handle or 0)

    @property
    def position_place(self) -> int | None:
        """The position of the image position in a row as it was sent."""
        return None if self.position is None else self._with_errors(self.position)

    def _with_errors(self, at: int) -> int:
        is_after = self.errors_at is not None and at >= self.errors_at
        return at + len(ERROR_COLUMNS) if is_after else at

    def split(self, cells: list[str]) -> tuple[list[str], ReturnedErrors]:
        """Return the uploader's own cells of a row and the errors it came back with."""
        if self.errors_at is None:
            return cells, ReturnedErrors()
        end = self.errors_at + len(ERROR_COLUMNS)
        errors = cells[self.errors_at : end]
        named = dict(zip(ERROR_COLUMNS, errors, strict=False))
        returned = ReturnedErrors(named.get("error_column", ""), named.get("error_code", ""))
        return cells[: self.errors_at] + cells[end:], returned


def read_header(cells: Sequence[str], *, mapping: Mapped, line: int) -> list[HeaderColumn]:
    """Return the columns of a header with their fields; a mapping takes precedence over names.

    Raises JobFailureError when the table cannot be imported with these columns.
    """
    names = _trimmed(cells)
    width = len(names)
    if _errors_at(names) is not None:
        names = [restore(name) for name in names]
        width -= len(ERROR_COLUMNS)
    if width > MAX_COLUMNS:
        message = f"The table has {width:,} columns; at most {MAX_COLUMNS:,} are read."
        raise JobFailureError("too_many_columns", message, line=line)
    chosen, duplicates = _choose(names, mapping)
    columns = [
        HeaderColumn(
            name=name,
            field=chosen.get(at),
            suggestion=duplicates.get(at) or _suggestion(name, at, chosen),
            mapped=name in mapping,
        )
        for at, name in enumerate(names)
    ]
    try:
        _require_mapped(names, mapping, line)
        _require_fields(columns, duplicates, line)
    except JobFailureError as error:
        error.columns = [asdict(column) for column in columns]
        raise
    return columns


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Return the names in the cells of a header, without trailing empty columns."""
    names = [storable(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _folded(name: str) -> str:
    return name.strip().casefold()


def fields_of(cells: Sequence[str], mapping: Mapped) -> dict[int, str]:
    """Return the field that each of these cells would have as the name of a column."""
    chosen, _ = _choose([cell.strip() for cell in cells], mapping)
    return chosen


def _choose(names: list[str], mapping: Mapped) -> tuple[dict[int, str], dict[int, str]]:
    """Return the field of each column: by the mapping, else by its plain name, else by a synonym.

    The second result are columns with a field that another column already has.
    """
    unmapped = {at: normalized_name(name) for at, name in enumerate(names) if name not in mapping}
    ranks: tuple[dict[int, str | None], ...] = (
        {at: mapping[name] for at, name in enumerate(names) if name in mapping},
        {at: _PLAIN.get(words) for at, words in unmapped.items()},
        {at: _FIELD_OF.get(words) for at, words in unmapped.items()},
    )
    chosen: dict[int, str] = {}
    duplicates: dict[int, str] = {}
    for rank in ranks:
        taken = set(chosen.values())
        for at, wanted in rank.items():
            if wanted is None or wanted in taken:
                continue
            target = duplicates if wanted in chosen.values() else chosen
            target[at] = wanted
    return chosen, duplicates


def _require_mapped(names: list[str], mapping: Mapped, line: int) -> None:
    for name in mapping:
        if name not in names:
            message = f"The mapping names a column the table does not have: {name}"
            raise JobFailureError("mapping_column", message, line=line)


def _require_fields(
    columns: Sequence[HeaderColumn], duplicates: Mapping[int, str], line: int
) -> None:
    if duplicates:
        wanted = next(iter(duplicates.values()))
        message = f"Two columns bring {wanted}. Rename or remove one, or send a mapping."
        raise JobFailureError("duplicate_column", message, line=line)
    present = {column.field for column in columns}
    for column in COLUMNS:
        if column.required and column.field not in present:
            similar = [each.name for each in columns if each.suggestion == column.field]
            hint = f' Did you mean "{similar[0]}"?' if similar else ""
            message = f"No column brings {column.field}.{hint} Rename one, or send a mapping."
            raise JobFailureError("missing_column", message, line=line)


def _suggestion(name: str, at: int, chosen: Mapping[int, str]) -> str | None:
    if at in chosen or not name or name in ERROR_COLUMNS:
        return None
    close = difflib.get_close_matches(normalized_name(name), _FIELD_OF, n=1, cutoff=_CLOSE_ENOUGH)
    meant = _FIELD_OF[close[0]] if close else None
    return None if meant in chosen.values() else meant


def _is_listed(item: str, text: str) -> bool:
    """Whether an item, which may contain the separator itself, is listed in a joined text."""
    between = ERROR_SEPARATOR
    return f"{between}{item}{between}" in f"{between}{text}{between}"


def _errors_at(names: Sequence[str]) -> int | None:
    width = len(ERROR_COLUMNS)
    for at in range(len(names) - width + 1):
        if tuple(names[at : at + width]) == ERROR_COLUMNS:
            return at
    return None


def _position_of(columns: Sequence[HeaderColumn], names: Sequence[str]) -> int | None:
    positions = (
        at
        for at, each in enumerate(columns)
        if normalized_name(each.name) in names and not each.mapped
    )
    return next(positions, None)
