"""The header of a table: which column has which field."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple, Self

from bulkupload.errors import JobFailureError
from bulkupload.rules.limits import MAX_COLUMNS
from bulkupload.rules.rows.columns import COLUMNS, FIELDS
from bulkupload.rules.rows.formulas import unquote_formula
from bulkupload.rules.rows.row_shape_errors import storable
from bulkupload.rules.table.header_aliases import (
    ALIASES,
    HANDLE_ALIASES,
    IMAGE_POSITION_ALIASES,
    normalized_name,
)

# The error file has these after the columns of the table; when it is uploaded they are removed.
ERROR_COLUMNS: Final = ("error_line", "error_column", "error_code", "error_message")
ERROR_SEPARATOR: Final = "; "  # of several errors of one row
_FIELD_BY_NAME: Final = {normalized_name(field): field for field in FIELDS}
_FIELD_BY_ALIAS: Final = _FIELD_BY_NAME | {
    alias: field for field, aliases in ALIASES.items() for alias in aliases
}
_MIN_SIMILARITY: Final = 0.75  # of a name and the alias it may have meant
_BYTE_ORDER_MARK: Final = "\ufeff"

FieldMapping = Mapping[str, str | None]  # column name to field; None ignores the column


@dataclass(frozen=True, kw_only=True)
class HeaderColumn:
    """One column of the table: its field, or as `suggestion` the field its name may have meant.

    `mapped` means that the user's mapping sets the field.
    """

    name: str
    field: str | None = None
    suggestion: str | None = None
    mapped: bool = False


class PreviousErrors(NamedTuple):
    """The errors that an uploaded error file lists for a row; the user may clear the code."""

    column: str = ""
    code: str = ""

    def reports(self, code: str, column: str) -> bool:
        """Whether this error is listed: its code and its column."""
        return _is_listed(code, self.code) and _is_listed(column, unquote_formula(self.column))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The positions of the fields in a row.

    `columns` are those of the table itself, `names` all names of the header. If the file is an
    error file, `errors_at` is the index of its first error column. `handle` is the column that
    makes the table a Shopify export, `image_position` the one that orders its images.
    """

    columns: tuple[HeaderColumn, ...]
    names: tuple[str, ...] = ()
    fields: Mapping[str, int] = field(default_factory=dict)
    handle: int | None = None
    image_position: int | None = None
    errors_at: int | None = None

    @classmethod
    def of(cls, columns: Sequence[HeaderColumn]) -> Self:
        """Return the layout of a header."""
        names = [column.name for column in columns]
        errors_at = _find_error_columns(names)
        own_columns = list(columns)
        if errors_at is not None:
            del own_columns[errors_at : errors_at + len(ERROR_COLUMNS)]
        return cls(
            columns=tuple(own_columns),
            names=tuple(names),
            fields={column.field: at for at, column in enumerate(own_columns) if column.field},
            handle=_find_column(own_columns, HANDLE_ALIASES),
            image_position=_find_column(own_columns, IMAGE_POSITION_ALIASES),
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
        """Whether a row of the file has a cell for each column; empty cells may follow."""
        width = self._index_in_file(self.width)
        return len(cells) >= width and not any(map(str.strip, cells[width:]))

    @property
    def header_starts(self) -> frozenset[str]:
        """The possible first cells of a repeated header.

        Each part of a concatenated file may begin with a byte order mark.
        """
        if not self.names:
            return frozenset()
        name = self.names[0]
        spellings = {name, name.lower(), name.upper(), name.capitalize(), name.title()}
        return frozenset({*spellings, *(f"{_BYTE_ORDER_MARK}{text}" for text in spellings)})

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether a row repeats the header, in upper or lower case."""
        first = cells[0].strip().lstrip(_BYTE_ORDER_MARK) if cells else ""
        if not cells or _folded(first) != _folded(self.names[0]):
            return False
        names = _trimmed([first, *cells[1:]])
        return [*map(_folded, names)] == [*map(_folded, self.names)]

    def name_of(self, field_name: str) -> str:
        """Return the name that the file gives to the column of a field."""
        return self.columns[self.fields[field_name]].name

    def file_index_of(self, field_name: str) -> int:
        """Return the index of a field in a row of the file, which may have error columns."""
        return self._index_in_file(self.fields[field_name])

    @property
    def handle_file_index(self) -> int:
        """The index of the handle in a row of the file."""
        return self._index_in_file(self.handle or 0)

    @property
    def image_position_file_index(self) -> int | None:
        """The index of the image position in a row of the file."""
        return None if self.image_position is None else self._index_in_file(self.image_position)

    def _index_in_file(self, at: int) -> int:
        is_after = self.errors_at is not None and at >= self.errors_at
        return at + len(ERROR_COLUMNS) if is_after else at

    def split(self, cells: list[str]) -> tuple[list[str], PreviousErrors]:
        """Return the cells of a row without the error columns, and what those list."""
        if self.errors_at is None:
            return cells, PreviousErrors()
        end = self.errors_at + len(ERROR_COLUMNS)
        errors = dict(zip(ERROR_COLUMNS, cells[self.errors_at : end], strict=False))
        previous = PreviousErrors(errors.get("error_column", ""), errors.get("error_code", ""))
        return cells[: self.errors_at] + cells[end:], previous


def read_header(cells: Sequence[str], *, mapping: FieldMapping, line: int) -> list[HeaderColumn]:
    """Return the columns of a header with their fields; a mapping takes precedence over names.

    Raises JobFailureError when the table cannot be imported with these columns.
    """
    names = _trimmed(cells)
    width = len(names)
    if _find_error_columns(names) is not None:
        names = [unquote_formula(name) for name in names]
        width -= len(ERROR_COLUMNS)
    if width > MAX_COLUMNS:
        message = f"The table has {width:,} columns; the maximum is {MAX_COLUMNS:,}."
        raise JobFailureError("too_many_columns", message, line=line)
    fields, duplicates = _assign_fields(names, mapping)
    columns = [
        HeaderColumn(
            name=name,
            field=fields.get(at),
            suggestion=duplicates.get(at) or _suggestion(name, at, fields),
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


def fields_of(cells: Sequence[str], mapping: FieldMapping) -> dict[int, str]:
    """Return the field that each cell would have as the name of a column."""
    fields, _ = _assign_fields([cell.strip() for cell in cells], mapping)
    return fields


def _assign_fields(
    names: list[str], mapping: FieldMapping
) -> tuple[dict[int, str], dict[int, str]]:
    """Return the field of each column: by the mapping, else by its name, else by an alias.

    The second result holds the columns whose field another column already has.
    """
    unmapped = {at: normalized_name(name) for at, name in enumerate(names) if name not in mapping}
    ranks: tuple[dict[int, str | None], ...] = (
        {at: mapping[name] for at, name in enumerate(names) if name in mapping},
        {at: _FIELD_BY_NAME.get(name) for at, name in unmapped.items()},
        {at: _FIELD_BY_ALIAS.get(name) for at, name in unmapped.items()},
    )
    fields: dict[int, str] = {}
    duplicates: dict[int, str] = {}
    for rank in ranks:
        fields_of_higher_ranks = set(fields.values())
        for at, name in rank.items():
            if name is None or name in fields_of_higher_ranks:
                continue
            target = duplicates if name in fields.values() else fields
            target[at] = name
    return fields, duplicates


def _require_mapped(names: list[str], mapping: FieldMapping, line: int) -> None:
    for name in mapping:
        if name not in names:
            message = f"The mapping names a column that the table does not have: {name}"
            raise JobFailureError("mapping_column", message, line=line)


def _require_fields(
    columns: Sequence[HeaderColumn], duplicates: Mapping[int, str], line: int
) -> None:
    if duplicates:
        name = next(iter(duplicates.values()))
        message = f"Two columns map to {name}. Rename or remove one, or send a mapping."
        raise JobFailureError("duplicate_column", message, line=line)
    present = {column.field for column in columns}
    for column in COLUMNS:
        if column.required and column.field not in present:
            similar = [other.name for other in columns if other.suggestion == column.field]
            hint = f' Did you mean "{similar[0]}"?' if similar else ""
            message = f"No column maps to {column.field}.{hint} Rename one, or send a mapping."
            raise JobFailureError("missing_column", message, line=line)


def _suggestion(name: str, at: int, fields: Mapping[int, str]) -> str | None:
    if at in fields or not name or name in ERROR_COLUMNS:
        return None
    normalized = normalized_name(name)
    similar = difflib.get_close_matches(normalized, _FIELD_BY_ALIAS, n=1, cutoff=_MIN_SIMILARITY)
    suggestion = _FIELD_BY_ALIAS[similar[0]] if similar else None
    return None if suggestion in fields.values() else suggestion


def _is_listed(item: str, text: str) -> bool:
    """Whether an item is in a list that was joined to a text; it may contain the separator."""
    separator = ERROR_SEPARATOR
    return f"{separator}{item}{separator}" in f"{separator}{text}{separator}"


def _find_error_columns(names: Sequence[str]) -> int | None:
    width = len(ERROR_COLUMNS)
    for at in range(len(names) - width + 1):
        if tuple(names[at : at + width]) == ERROR_COLUMNS:
            return at
    return None


def _find_column(columns: Sequence[HeaderColumn], aliases: Sequence[str]) -> int | None:
    indexes = (
        at
        for at, column in enumerate(columns)
        if normalized_name(column.name) in aliases and not column.mapped
    )
    return next(indexes, None)
