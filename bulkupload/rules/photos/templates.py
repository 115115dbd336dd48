"""Reading of photo names with naming templates."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bulkupload.errors import TemplateWithoutSkuError
from bulkupload.rules.photos.names import PhotoName, words
from exports.rules import reading
from exports.rules.templates import Literal, Template, compile_template

SKU: Final = "product_sku"
SHOT: Final = "shot_type"
INDEX: Final = "index"
MAX_TEMPLATES: Final = 10
MAX_LENGTH: Final = 120  # of a name; the time to read one grows with the square of its length


@dataclass(frozen=True, kw_only=True)
class SkuReading:
    """The SKU that a template finds in a name, and the words that say which slot is meant."""

    sku: str
    words: tuple[str, ...]


def require_readable(text: str) -> None:
    """Raise TemplateError or TemplateWithoutSkuError unless a template finds SKUs in names."""
    if SKU not in compile_template(text).wildcards:
        raise TemplateWithoutSkuError(value=text)


def usable(templates: Iterable[Template]) -> list[Template]:
    """Return the first templates that have a SKU, without duplicates."""
    distinct = {template.text: template for template in templates if SKU in template.wildcards}
    return list(distinct.values())[:MAX_TEMPLATES]


def read_skus(templates: Sequence[Template], name: PhotoName) -> list[SkuReading]:
    """Return what each template that matches the name reads, without duplicates."""
    if len(name.stem) > MAX_LENGTH:
        return []
    readings = (value for template in templates for value in _read(template, name.stem))
    return list(dict.fromkeys(readings))


def _read(template: Template, stem: str) -> Iterator[SkuReading]:
    if not _has_literals(template, stem):
        return
    values = reading.read_file_name(template, stem) or {}
    sku = values.get(SKU)
    if isinstance(sku, str):
        shown = [str(values[wildcard]) for wildcard in (SHOT, INDEX) if wildcard in values]
        yield SkuReading(sku=sku, words=tuple(words(" ".join(shown))))


def _has_literals(template: Template, stem: str) -> bool:
    """Return whether a name has the fixed texts of a template in their order: a fast first test."""
    at = 0
    for token in template.tokens:
        if isinstance(token, Literal):
            at = stem.find(token.text, at)
            if at < 0:
                return False
            at += len(token.text)
    return True
