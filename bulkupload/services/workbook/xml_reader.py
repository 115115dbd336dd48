"""Reading the XML of a workbook's parts element by element; entity declarations are refused."""

from collections.abc import Callable
from typing import IO
from xml.parsers import expat

Attributes = dict[str, str]


class DoctypeError(Exception):
    """Raised when a part has a DOCTYPE: no workbook needs one, and it could be an XML bomb."""


def local_name(name: str) -> str:
    """Return a name without its namespace prefix, which differs between files."""
    return name.rpartition(":")[2]


def visit(part: IO[bytes], enter: Callable[[str, str, Attributes], None]) -> None:
    """Call `enter` with the parent's name, the name and the attributes of each element."""
    path = [""]

    def start(name: str, attributes: Attributes) -> None:
        local = local_name(name)
        enter(path[-1], local, attributes)
        path.append(local)

    parser_of(start, lambda _: path.pop()).ParseFile(part)


def parser_of(
    start: Callable[[str, Attributes], None], end: Callable[[str], object]
) -> expat.XMLParserType:
    """Return a parser that calls at the start and the end of each element."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    return parser


def _refuse_doctype(*_: object) -> None:
    raise DoctypeError
