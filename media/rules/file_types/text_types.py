"""Detection of text files: HTML, SVG, XML and plain text."""

import codecs
import re

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKUP_BYTES = 2048  # looked at for a tag
_HTML = re.compile(
    rb"<(?:!doctype html|html|head|body|script|title|iframe|style|table|div|h1|p|br|a|b|font)[\s>/]"
)
_BINARY = re.compile(
    rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]"
)  # control characters other than blanks and ESC


def markup_type(head: bytes) -> str | None:
    """Return the content type of HTML, SVG or another XML; None for anything else."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:_MARKUP_BYTES].lower()
    if not start.startswith(b"<"):
        return None
    if b"<svg" in start:
        return "image/svg+xml"
    if _HTML.match(start) or (start.startswith(b"<!--") and b"<html" in start):
        return "text/html"
    return "application/xml" if start.startswith(b"<?xml") else None


def is_text(head: bytes) -> bool:
    """Return whether the bytes are text, in UTF-8, or in UTF-16 with a byte order mark."""
    if head.startswith(_UTF16_MARKS):
        return True
    if not head or _BINARY.search(head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
