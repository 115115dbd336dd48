"""Malformed request bodies and headers, sent byte for byte (T45)."""

import gzip
import json
from dataclasses import dataclass, field
from typing import Final

MIB: Final = 1024 * 1024
JSON: Final = "application/json"


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """One request's body and headers.

    A `harmless` request may also be accepted, for example one with an unknown field.
    """

    name: str
    body: bytes = b""
    content_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    harmless: bool = False

    def __str__(self) -> str:
        return self.name


def _json(name: str, body: bytes, *, harmless: bool = False) -> Malformed:
    return Malformed(name=name, body=body, harmless=harmless)


def _typed(name: str, content_type: str | None, body: bytes = b'{"name": "a"}') -> Malformed:
    return Malformed(name=name, body=body, content_type=content_type)


NESTING_DEPTH: Final = 100_000
_NESTED: Final = [
    _json("deep arrays", b"[" * NESTING_DEPTH + b"]" * NESTING_DEPTH),
    _json("deep arrays, never closed", b"[" * NESTING_DEPTH),
    _json("deep objects", b'{"a":' * NESTING_DEPTH + b"1" + b"}" * NESTING_DEPTH),
    _json("deep value of a field", b'{"name":' + b"[" * 500 + b"]" * 500 + b"}"),
    _json("just over the nesting limit", b'{"name":' + b"[" * 40 + b"]" * 40 + b"}"),
]
_BROKEN: Final = [
    _json("white space only", b" \n\t"),
    _json("only an opening brace", b"{"),
    _json("trailing comma", b'{"name": "a",}'),
    _json("single quotes", b"{'name': 'a'}"),
    _json("comment", b'{"name": "a" /* b */}'),
    _json("two values", b'{"name": "a"} {"name": "b"}'),
    _json("unterminated string", b'{"name": "a'),
    _json("bare word", b"name"),
    _json("raw control character in a string", b'{"name": "a\x01b"}'),
    _json("raw newline in a string", b'{"name": "a\nb"}'),
    _json("bad escape", rb'{"name": "\x41"}'),
    _json("half an escape", rb'{"name": "\u12"}'),
    _json("no quotes around the key", b'{name: "a"}'),
    _json("HTML", b"<html><body>hello</body></html>"),
    _json("XML entity bomb", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    _json("random bytes", bytes(range(256)) * 4),
    _json("Python literal", b"{'name': True, 'b': None}"),
]
_NUMBERS: Final = [
    _json("NaN", b'{"name": NaN}'),
    _json("Infinity", b'{"name": Infinity}'),
    _json("minus Infinity", b'{"name": -Infinity}'),
    _json("number of 5,000 digits", b'{"name": ' + b"9" * 5000 + b"}"),
    _json("number of 40 digits", b'{"unknown": ' + b"9" * 40 + b"}", harmless=True),
    _json("number beyond a float", b'{"name": 1e999}', harmless=True),
    _json("number beyond a float, unknown field", b'{"unknown": -1e999}', harmless=True),
    _json("leading zero", b'{"name": 01}'),
    _json("hexadecimal", b'{"name": 0x10}'),
]
_WRONG_TYPES: Final = [
    _json("array", b"[]"),
    _json("array of objects", b'[{"name": "a"}]'),
    _json("string", b'"name"'),
    _json("number", b"5"),
    _json("true", b"true"),
    _json("null", b"null"),
    _json("many keys", json.dumps({f"k{n}": n for n in range(20_000)}).encode(), harmless=True),
    _json("long key", json.dumps({"k" * 500_000: 1}).encode(), harmless=True),
    _json("duplicate keys", b'{"name": "a", "name": 5}', harmless=True),
    _json(
        "wrong types",
        b'{"name": 5, "email": [], "role": {}, "filename": 1, "refresh_token": 1}',
        harmless=True,
    ),
    _json(
        "reserved keys",
        b'{"__proto__": {}, "constructor": 1, "non_field_errors": []}',
        harmless=True,
    ),
]
_TEXT: Final = [
    _json("lone surrogate in a value", rb'{"name": "\ud800", "filename": "\ud800"}', harmless=True),
    _json("lone surrogate in a key", rb'{"\udfff": 1}', harmless=True),
    _json("NUL in a value", rb'{"name": "a\u0000b", "slug": "a\u0000"}', harmless=True),
    _json("NUL in a key", rb'{"a\u0000b": 1}', harmless=True),
    _json("raw NUL", b'{"name": "a\x00b"}'),
    _json("broken UTF-8", b'{"name": "\xff\xfe"}'),
    _json("overlong UTF-8", b'{"name": "\xc0\xaf"}'),
    _json("surrogates as UTF-8", b'{"name": "\xed\xa0\x80"}'),
    _json("UTF-16", '{"name": "a"}'.encode("utf-16")),
    _json("UTF-32", '{"name": "a"}'.encode("utf-32")),
    _json("byte order mark", b'\xef\xbb\xbf{"unknown": "a"}', harmless=True),
    _json("two byte order marks", b'\xef\xbb\xbf\xef\xbb\xbf{"name": "a"}'),
]
_CONTENT_TYPES: Final = [
    _typed("no content type", None),
    _typed("empty content type", ""),
    _typed("plain text", "text/plain"),
    _typed("form", "application/x-www-form-urlencoded", b"name=a"),
    _typed(
        "multipart",
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--x--\r\n',
    ),
    _typed("multipart without boundary", "multipart/form-data"),
    _typed("multipart with a bad boundary", 'multipart/form-data; boundary="a b/\\"'),
    _typed("Latin-1", "application/json; charset=iso-8859-1", b'{"name": "\xe9"}'),
    _typed("charset UTF-16", "application/json; charset=utf-16", '{"name": 1}'.encode("utf-16")),
    _typed("unknown charset", "application/json; charset=klingon"),
    _typed("charset that is a codec of bytes", "application/json; charset=zlib"),
    _typed("XML", "application/xml", b"<name>a</name>"),
    _typed("JSON patch", "application/json-patch+json", b"[]"),
    _typed("content type of 8,000 characters", "application/json; x=" + "y" * 8000, b"{"),
    _typed("content type without a slash", "json"),
]
_SIZES: Final = [
    _json("10 MiB", b'{"name": "' + b"a" * (10 * MIB) + b'"}'),
    _json("one byte over 1 MiB", b'{"name": "' + b"a" * (MIB - 11) + b'"}'),
    Malformed(name="10 MiB in chunks", body=b"[" * (10 * MIB), chunked=True),
    Malformed(name="empty body in chunks", chunked=True, harmless=True),
    Malformed(name="broken JSON in chunks", body=b'{"name"', chunked=True),
    Malformed(name="empty body", harmless=True),
]
_HEADERS: Final = [
    Malformed(
        name="gzip", body=gzip.compress(b'{"name": "a"}'), headers={"Content-Encoding": "gzip"}
    ),
    Malformed(
        name="gzip bomb",
        body=gzip.compress(b"[" * (20 * MIB)),
        headers={"Content-Encoding": "gzip"},
    ),
    Malformed(name="unknown encoding", body=b"\x01\x02", headers={"Content-Encoding": "br, sdch"}),
    Malformed(
        name="Idempotency-Key of 300 characters", body=b"{", headers={"Idempotency-Key": "k" * 300}
    ),
    Malformed(name="unreadable Accept", body=b"{", headers={"Accept": ";;;,/"}),
    Malformed(name="method override", body=b"{", headers={"X-HTTP-Method-Override": "DELETE"}),
]

MALFORMED: Final = [
    *_NESTED,
    *_BROKEN,
    *_NUMBERS,
    *_WRONG_TYPES,
    *_TEXT,
    *_CONTENT_TYPES,
    *_SIZES,
    *_HEADERS,
]
