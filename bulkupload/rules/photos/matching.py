"""Matching of photos with products by their names; the design is in docs/design/photo-batches.md.

A pure rule in two steps: `lookups` says which SKUs to look up for a name, and `match` chooses among
the products found. Two products that fit equally are never guessed between.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final
from uuid import UUID

from bulkupload.rules.photos.names import PhotoName, Prefix, words
from bulkupload.rules.photos.slot_words import SLOT_WORDS, Place, place_of
from bulkupload.rules.photos.templates import SkuReading
from catalog.rules.identifiers import without_separators

MAX_CANDIDATES: Final = 10  # that an ambiguous match names


class MatchedBy(StrEnum):
    """What a match was found by."""

    TEMPLATE = "template"
    SKU = "sku"
    FOLDER = "folder"
    HAND = "hand"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A product that a name may mean."""

    product_id: UUID
    sku: str


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a name means: one product, several candidates, or no product."""

    candidates: tuple[Candidate, ...] = ()
    place: Place | None = None
    by: MatchedBy | None = None

    @property
    def product(self) -> Candidate | None:
        """The product, None if no product fits, or several."""
        return self.candidates[0] if len(self.candidates) == 1 else None


Candidates = Mapping[str, Sequence[Candidate]]  # by the text that was looked up

NO_MATCH: Final = Match()


def lookups(name: PhotoName, readings: Sequence[SkuReading]) -> Iterator[str]:
    """Yield the texts to look up as SKUs for a name."""
    for reading in readings:
        yield without_separators(reading.sku)
    for prefix in (*name.prefixes, *name.prefixes_with_folder):
        yield prefix.lookup


def match(
    name: PhotoName,
    readings: Sequence[SkuReading],
    candidates: Candidates,
    slots: Mapping[str, str] = SLOT_WORDS,
) -> Match:
    """Return what a name means, given the products with the SKUs that `lookups` yields."""
    return (
        _by_template(readings, candidates, slots)
        or _by_prefix(name.prefixes, candidates, slots, MatchedBy.SKU)
        or _by_prefix(name.prefixes_with_folder, candidates, slots, MatchedBy.FOLDER)
        or NO_MATCH
    )


def _by_template(
    readings: Sequence[SkuReading], candidates: Candidates, slots: Mapping[str, str]
) -> Match | None:
    fitting: dict[Candidate, SkuReading] = {}
    for reading in readings:
        same_key = candidates.get(without_separators(reading.sku), ())
        for candidate in _closest(reading.sku, same_key):
            fitting.setdefault(candidate, reading)
    if not fitting:
        return None
    reading = next(iter(fitting.values()))
    place = place_of(reading.words, slots)
    return _match(list(fitting), place, MatchedBy.TEMPLATE)


def _by_prefix(
    starts: Sequence[Prefix], candidates: Candidates, slots: Mapping[str, str], by: MatchedBy
) -> Match | None:
    fits = [
        (prefix, _closest(prefix.text, same_key))
        for prefix in starts
        if (same_key := candidates.get(prefix.lookup))
    ]
    if not fits:
        return None
    longest, fitting = fits[0]
    if not _has_same_words(longest, fitting):
        exact = next((fit for fit in fits[1:] if _has_same_words(*fit)), None)
        if exact is not None:
            prefix, rows = exact
            if all(_splits_number(prefix, candidate) for candidate in fitting):
                longest, fitting = exact
            else:  # `SHOE-12` is the SKU `SHOE12` or the 12th photo of `SHOE`
                fitting = [*fitting, *rows]
    return _match(fitting, place_of(words(longest.rest), slots), by)


def _match(fitting: Iterable[Candidate], place: Place, by: MatchedBy) -> Match:
    distinct = tuple(dict.fromkeys(fitting))
    if len(distinct) == 1:
        return Match(candidates=distinct, place=place, by=by)
    return Match(candidates=distinct[:MAX_CANDIDATES], by=by)


def _closest(text: str, same_key: Sequence[Candidate]) -> list[Candidate]:
    """Return the products whose SKU is spelled like the text, else has its words, else all."""
    if len(same_key) < 2:  # noqa: PLR2004  none to choose between
        return list(same_key)
    spelled = [candidate for candidate in same_key if candidate.sku == text]
    same_words = [candidate for candidate in same_key if words(candidate.sku) == words(text)]
    return spelled or same_words or list(same_key)


def _has_same_words(prefix: Prefix, fitting: Sequence[Candidate]) -> bool:
    return any(words(candidate.sku) == words(prefix.text) for candidate in fitting)


def _splits_number(prefix: Prefix, candidate: Candidate) -> bool:
    """Return whether the name has a separator after the prefix inside a number of the SKU.

    `AW-1_2` is the second photo of `AW-1` then, not one of `AW-12`.
    """
    following = words(prefix.rest)
    ends = set(accumulate(len(word) for word in words(candidate.sku)))
    end = sum(len(word) for word in words(prefix.text))
    return prefix.text[-1].isdigit() and following[0][0].isdigit() and end not in ends
