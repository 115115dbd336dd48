"""The parts of a workbook: its sheets, shared strings and cell formats.

No library reads everything that is needed: python-calamine returns neither formats nor hidden rows
and holds a whole sheet in memory; openpyxl refuses files because of styles that do not matter here.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from functools import cached_property
from typing import IO, NamedTuple

from bulkupload.rules.table.file_type import WORKBOOK_PART, part_name
from bulkupload.services.workbook.formats import CellFormat, read_formats
from bulkupload.services.workbook.xml_reader import Attributes, local_name, parser_of, visit

_BASE = "xl"
_TRUE = ("1", "true", "on")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


class Sheet(NamedTuple):
    """A worksheet: the name on its tab, its part, and whether its tab is visible."""

    name: str
    part: str
    is_visible: bool


class Workbook:
    """An open workbook."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts = {part_name(name): name for name in archive.namelist()}
        self._links = self._read_links()
        self.is_1904 = False
        self.sheets: list[Sheet] = []
        with self.open(WORKBOOK_PART) as part:
            visit(part, self._add)
        if not self.sheets:
            raise KeyError(WORKBOOK_PART)

    def open(self, name: str) -> IO[bytes]:
        """Open a part by its normalized name."""
        return self._archive.open(self._parts[name])

    @property
    def shown_sheets(self) -> list[Sheet]:
        """The visible sheets, or the first one if none is visible."""
        return [sheet for sheet in self.sheets if sheet.is_visible] or self.sheets[:1]

    @cached_property
    def texts(self) -> list[str]:
        """The shared strings of the cells."""
        name = self._find_part("sharedStrings", "xl/sharedstrings.xml")
        if name is None:
            return []
        with self.open(name) as part:
            return list(_shared_strings(part))

    @cached_property
    def formats(self) -> list[CellFormat]:
        """The formats of cells, by the number in their attribute `s`."""
        name = self._find_part("styles", "xl/styles.xml")
        if name is None:
            return []
        with self.open(name) as part:
            return read_formats(part, is_1904=self.is_1904)

    def _add(self, _: str, name: str, attributes: Attributes) -> None:
        if name == "workbookPr":
            self.is_1904 = attributes.get("date1904", "").lower() in _TRUE
        elif name == "sheet":
            link = next(value for key, value in attributes.items() if key.endswith(":id"))
            kind, part = self._links[link]
            if kind in {"worksheet", ""} and part in self._parts:
                is_visible = attributes.get("state", "visible") == "visible"
                self.sheets.append(Sheet(attributes.get("name", ""), part, is_visible))

    def _read_links(self) -> dict[str, tuple[str, str]]:
        """Return the kind and the part of each relationship."""
        links: dict[str, tuple[str, str]] = {}

        def enter(_: str, name: str, attributes: Attributes) -> None:
            if name == "Relationship":
                kind = attributes.get("Type", "").rpartition("/")[2]
                target = attributes["Target"].replace("\\", "/")
                path = posixpath.normpath(posixpath.join("/", _BASE, target))
                links[attributes["Id"]] = kind, part_name(path)

        with self.open("xl/_rels/workbook.xml.rels") as part:
            visit(part, enter)
        return links

    def _find_part(self, kind: str, default: str) -> str | None:
        """Return the part of a relationship of this kind, else the default one if it exists."""
        names = [part for link_kind, part in self._links.values() if link_kind == kind]
        return next((name for name in (*names, default) if name in self._parts), None)


def unescaped(text: str) -> str:
    """Return a text with the characters that XML cannot hold: `_x000D_` is a line break."""
    if "_x" not in text:
        return text
    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _shared_strings(part: IO[bytes]) -> Iterator[str]:
    texts: list[str] = []
    pieces: list[str] = []
    state = {"reading": False, "phonetic": False}

    def start(name: str, _: Attributes) -> None:
        local = local_name(name)
        state["reading"] = local == "t" and not state["phonetic"]
        if local == "si":
            pieces.clear()
        elif local == "rPh":  # the pronunciation
            state["phonetic"] = True

    def end(name: str) -> None:
        local = local_name(name)
        state["reading"] = False
        if local == "si":
            texts.append(unescaped("".join(pieces)))
        elif local == "rPh":
            state["phonetic"] = False

    def add(text: str) -> None:
        if state["reading"]:
            pieces.append(text)

    parser = parser_of(start, end)
    parser.CharacterDataHandler = add
    parser.ParseFile(part)
    return iter(texts)
