"""Which column of the uploader's table brings which field."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple, Self

from bulkupload.errors import FileFaultError
from bulkupload.rules.limits import MAX_COLUMNS
from bulkupload.rules.rows.columns import COLUMNS, HANDLE_NAMES, POSITION_NAMES, words_of
from bulkupload.rules.rows.formulas import restore
from bulkupload.rules.rows.row_shape_errors import storable

# What the error file appends to the uploader's own columns; read back, they are taken off again.
ERROR_COLUMNS: Final = ("error_line", "error_column", "error_code", "error_message")
CODE_AT: Final = ERROR_COLUMNS.index("error_code")
_PLAIN: Final = {words_of(column.field): column.field for column in COLUMNS}
_FIELD_OF: Final = _PLAIN | {name: column.field for column in COLUMNS for name in column.names}
_CLOSE_ENOUGH: Final = 0.75
_MARK: Final = "\ufeff"  # byte order mark

Mapped = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class HeaderColumn:
    """One column of the uploader's table: the field it brings, or what it may have meant.

    `mapped` says that the uploader decided so, whatever its name means to us.
    """

    name: str
    field: str | None = None
    suggestion: str | None = None
    mapped: bool = False


class Returned(NamedTuple):
    """What the error columns of a row say that came back: the code is empty for a mended row."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where in a row each field stands.

    `errors_at` is where our own error columns begin in a table that came back; `handle` is the
    column that makes it a Shopify export, `position` the one that orders its pictures.
    """

    columns: tuple[HeaderColumn, ...]
    names: tuple[str, ...] = ()
    fields: Mapping[str, int] = field(default_factory=dict)
    handle: int | None = None
    position: int | None = None
    errors_at: int | None = None

    @classmethod
    def of(cls, columns: Sequence[HeaderColumn]) -> Self:
        """Return the layout of a header whose columns are understood."""
        every = [column.name for column in columns]
        errors_at = _errors_at(every)
        own = list(columns)
        if errors_at is not None:
            del own[errors_at : errors_at + len(ERROR_COLUMNS)]
        return cls(
            columns=tuple(own),
            names=tuple(every),
            fields={each.field: at for at, each in enumerate(own) if each.field},
            handle=_named(own, HANDLE_NAMES),
            position=_named(own, POSITION_NAMES),
            errors_at=errors_at,
        )

    @classmethod
    def stored(cls, columns: Sequence[Mapping[str, Any]]) -> Self:
        """Return the layout of a job, which keeps its columns."""
        return cls.of([HeaderColumn(**column) for column in columns])

    @property
    def width(self) -> int:
        """How many cells a row has, without our error columns."""
        return len(self.columns)

    def is_whole(self, cells: Sequence[str]) -> bool:
        """Whether a row as it was sent has a cell for each column; empty ones may follow."""
        width = self._behind_errors(self.width)
        return len(cells) >= width and not any(map(str.strip, cells[width:]))

    @property
    def header_starts(self) -> frozenset[str]:
        """How the first cell of a repeated header reads: a joined file may have its own mark."""
        if not self.names:
            return frozenset()
        name = self.names[0]
        spellings = {name, name.lower(), name.upper(), name.capitalize(), name.title()}
        return frozenset({*spellings, *(f"{_MARK}{each}" for each in spellings)})

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether a row repeats the header, in whatever case."""
        if not cells or _folded(cells[0].strip().lstrip(_MARK)) != _folded(self.names[0]):
            return False
        names = _trimmed([cells[0].strip().lstrip(_MARK), *cells[1:]])
        return [*map(_folded, names)] == [*map(_folded, self.names)]

    def name_of(self, field_name: str) -> str:
        """Return the uploader's name of the column that brings a field."""
        return self.columns[self.fields[field_name]].name

    def place_of(self, field_name: str) -> int:
        """Return where a field stands in a row as it was sent, our error columns included."""
        return self._behind_errors(self.fields[field_name])

    @property
    def handle_place(self) -> int:
        """Where the handle stands in a row as it was sent."""
        return self._behind_errors(self.handle or 0)

    @property
    def position_place(self) -> int | None:
        """Where the position of a picture stands in a row as it was sent."""
        return None if self.position is None else self._behind_errors(self.position)

    def _behind_errors(self, at: int) -> int:
        moved = self.errors_at is not None and at >= self.errors_at
        return at + len(ERROR_COLUMNS) if moved else at

    def split(self, cells: list[str]) -> tuple[list[str], Returned]:
        """Return the uploader's own cells of a row and what its error columns say."""
        if self.errors_at is None:
            return cells, Returned()
        end = self.errors_at + len(ERROR_COLUMNS)
        errors = cells[self.errors_at : end]
        returned = Returned(*errors[CODE_AT:]) if len(errors) > CODE_AT else Returned()
        return cells[: self.errors_at] + cells[end:], returned


def read_header(cells: Sequence[str], *, mapping: Mapped, line: int) -> list[HeaderColumn]:
    """Return what each column of a header brings; an explicit mapping wins over its name.

    Raises FileFaultError when the table cannot be imported with these columns.
    """
    names = _trimmed(cells)
    own = len(names)
    if _errors_at(names) is not None:
        names = [restore(name) for name in names]
        own -= len(ERROR_COLUMNS)
    if own > MAX_COLUMNS:
        message = f"The table has {own:,} columns; at most {MAX_COLUMNS:,} are read."
        raise FileFaultError("too_many_columns", message, line=line)
    chosen, again = _choose(names, mapping)
    columns = [
        HeaderColumn(
            name=name,
            field=chosen.get(at),
            suggestion=again.get(at) or _suggestion(name, at, chosen),
            mapped=name in mapping,
        )
        for at, name in enumerate(names)
    ]
    try:
        _require_mapped(names, mapping, line)
        _require_fields(columns, again, line)
    except FileFaultError as fault:
        fault.columns = [asdict(column) for column in columns]
        raise
    return columns


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Return the names in the cells of a header, without the empty columns that Excel keeps."""
    names = [storable(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _folded(name: str) -> str:
    return name.strip().casefold()


def fields_of(cells: Sequence[str], mapping: Mapped) -> dict[int, str]:
    """Return which field each of these cells would bring as the name of a column."""
    chosen, _ = _choose([cell.strip() for cell in cells], mapping)
    return chosen


def _choose(names: list[str], mapping: Mapped) -> tuple[dict[int, str], dict[int, str]]:
    """Return the field of each column: mapped ones first, then plain names, then other names.

    Beside them stand the columns whose names bring a field a second time.
    """
    free = {at: words_of(name) for at, name in enumerate(names) if name not in mapping}
    ranks: tuple[dict[int, str | None], ...] = (
        {at: mapping[name] for at, name in enumerate(names) if name in mapping},
        {at: _PLAIN.get(words) for at, words in free.items()},
        {at: _FIELD_OF.get(words) for at, words in free.items()},
    )
    chosen: dict[int, str] = {}
    again: dict[int, str] = {}
    for rank in ranks:
        taken = set(chosen.values())
        for at, wanted in rank.items():
            if wanted is None or wanted in taken:
                continue
            side = again if wanted in chosen.values() else chosen
            side[at] = wanted
    return chosen, again


def _require_mapped(names: list[str], mapping: Mapped, line: int) -> None:
    for name in mapping:
        if name not in names:
            message = f"The mapping names a column the table does not have: {name}"
            raise FileFaultError("mapping_column", message, line=line)


def _require_fields(columns: Sequence[HeaderColumn], again: Mapping[int, str], line: int) -> None:
    if again:
        wanted = next(iter(again.values()))
        message = f"Two columns bring {wanted}. Rename or remove one, or send a mapping."
        raise FileFaultError("duplicate_column", message, line=line)
    brought = {column.field for column in columns}
    for column in COLUMNS:
        if column.required and column.field not in brought:
            meant = [each.name for each in columns if each.suggestion == column.field]
            hint = f' Did you mean "{meant[0]}"?' if meant else ""
            message = f"No column brings {column.field}.{hint} Rename one, or send a mapping."
            raise FileFaultError("missing_column", message, line=line)


def _suggestion(name: str, at: int, chosen: Mapping[int, str]) -> str | None:
    if at in chosen or not name or name in ERROR_COLUMNS:
        return None
    close = difflib.get_close_matches(words_of(name), _FIELD_OF, n=1, cutoff=_CLOSE_ENOUGH)
    meant = _FIELD_OF[close[0]] if close else None
    return None if meant in chosen.values() else meant


def _errors_at(names: Sequence[str]) -> int | None:
    width = len(ERROR_COLUMNS)
    for at in range(len(names) - width + 1):
        if tuple(names[at : at + width]) == ERROR_COLUMNS:
            return at
    return None


def _named(columns: Sequence[HeaderColumn], names: Sequence[str]) -> int | None:
    found = (
        at for at, each in enumerate(columns) if words_of(each.name) in names and not each.mapped
    )
    return next(found, None)
