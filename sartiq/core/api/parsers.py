import codecs
import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.utils import json as strict_json

from sartiq.core.errors import RequestTooLargeError, UnsupportedTypeError

MAX_JSON_BYTES = 1024 * 1024
MAX_DEPTH = 32


class BoundedJSONParser(BaseParser):
    """Parses JSON of at most 1 MiB and 32 levels; other bodies get a 413, 415 or 422."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body; NaN, invalid UTF-8 and deep nesting raise ParseError."""
        meta = parser_context["request"].META if parser_context else {}
        if int(meta.get("CONTENT_LENGTH") or 0) > MAX_JSON_BYTES:  # rejected without being read
            raise RequestTooLargeError("The JSON body is larger than 1 MiB.")
        raw = stream.read(MAX_JSON_BYTES + 1)
        if len(raw) > MAX_JSON_BYTES:
            raise RequestTooLargeError("The JSON body is larger than 1 MiB.")
        try:
            parsed = json.loads(
                _text(raw, media_type),
                parse_constant=strict_json.strict_constant,
                object_pairs_hook=unique_keys,
            )
        except DuplicateKeyError:
            raise ParseError("A JSON object contains the same key twice.") from None
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        except ValueError:
            raise ParseError("The body is not valid JSON.") from None
        if _deeper_than(parsed, MAX_DEPTH):
            raise ParseError("The JSON is nested too deeply.")
        return parsed


class DuplicateKeyError(Exception):
    """Raised when a JSON object contains a key twice: one of the values would be lost."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dictionary (`object_pairs_hook`), or raise DuplicateKeyError."""
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise DuplicateKeyError
    return unique


def _text(raw: bytes, media_type: str | None) -> str:
    charset = "utf-8"
    for parameter in (media_type or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    if canonical_charset(charset) != "utf-8":
        raise UnsupportedTypeError("JSON bodies must be UTF-8.")
    return raw.decode("utf-8-sig")


def canonical_charset(charset: str) -> str:
    """Return the canonical name of a charset, or the charset itself if Python does not know it."""
    try:
        return codecs.lookup(charset).name
    except LookupError:
        return charset


def _deeper_than(value: Any, levels: int) -> bool:
    nodes = [value]
    for _ in range(levels):
        nodes = [
            inner
            for outer in nodes
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not nodes:
            return False
    return any(isinstance(value, dict | list) for value in nodes)
