"""Matching of the names of photos with one owner's products, in a constant number of queries."""

from collections.abc import Mapping, Sequence
from typing import Final

from accounts.models import OwnerScope
from bulkupload.models import PhotoFile, SlotWord
from bulkupload.rules.photos import matching, templates
from bulkupload.rules.photos.matching import Candidate, Match
from bulkupload.rules.photos.names import read_path
from bulkupload.rules.photos.slot_words import SLOT_WORDS
from catalog.selectors import products_by_sku_key
from exports.rules.templates import Template, compile_template
from exports.selectors import naming_templates_of

MATCH_FIELDS: Final = ("product_id", "sku", "slot", "position", "matched_by", "candidates")


def match_names(scope: OwnerScope, template: str, paths: Sequence[str]) -> list[Match]:
    """Return what each path means; an empty `template` stands for those of the owner's exports."""
    usable = templates.usable(_templates(scope, template))
    names = [read_path(path) for path in paths]
    readings = [templates.read_skus(usable, name) for name in names]
    pairs = list(zip(names, readings, strict=True))
    texts = {text for name, read in pairs for text in matching.lookups(name, read)}
    candidates = {
        text: [Candidate(product_id=product_id, sku=sku) for product_id, sku in products]
        for text, products in products_by_sku_key(scope, texts).items()
    }
    slots = slot_words_of(scope)
    return [matching.match(name, read, candidates, slots) for name, read in pairs]


def apply_match(photo: PhotoFile, match: Match) -> None:
    """Set what a name means on an unsaved photo."""
    product, place = match.product, match.place
    photo.matched_by, photo.candidates = match.by or "", []
    if product is not None and place is not None:
        photo.product_id, photo.sku = product.product_id, product.sku
        photo.slot, photo.position = place.slot, place.position
    else:
        photo.candidates = [
            {"product_id": str(candidate.product_id), "sku": candidate.sku}
            for candidate in match.candidates
        ]


def slot_words_of(scope: OwnerScope) -> Mapping[str, str]:
    """Return the slot words of an owner: the common ones, extended by its organization's."""
    if scope.organization_id is None:
        return SLOT_WORDS
    rows = SlotWord.objects.filter(organization_id=scope.organization_id)
    return {**SLOT_WORDS, **dict(rows.values_list("word", "slot"))}


def _templates(scope: OwnerScope, template: str) -> list[Template]:
    return [compile_template(template)] if template else naming_templates_of(scope)
