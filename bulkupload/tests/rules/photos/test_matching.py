"""The product and slot that a file name refers to, as a table of cases."""

from collections.abc import Sequence
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from bulkupload.rules.photos import matching, templates
from bulkupload.rules.photos.matching import Candidate, Match
from bulkupload.rules.photos.names import read_path
from catalog.rules.identifiers import without_separators
from exports.rules.templates import DEFAULT_TEMPLATE, compile_template

LONG_SKU = "L" * 100
UNKNOWN = [
    "",
    ".jpg",
    "---.jpg",
    "IMG_0001.jpg",
    "BW-1_front.jpg",
    "front AW-1.jpg",  # the SKU is not at the start
    "AW-10.jpg",  # a longer word
    "AW-1front.jpg",
    "x" * 300 + ".jpg",
    f"{LONG_SKU}L_front.jpg",
    "AW-1/back/detail.jpg",  # only the last folder counts
]


def id_of(sku: str) -> UUID:
    return uuid5(NAMESPACE_URL, sku)


def match(path: str, skus: Sequence[str], *texts: str) -> Match:
    """Match a path with products that have these SKUs, as the database would find them."""
    name = read_path(path)
    readings = templates.read_skus(templates.usable(map(compile_template, texts)), name)
    candidates = {
        text: [
            Candidate(product_id=id_of(sku), sku=sku)
            for sku in skus
            if without_separators(sku).lower() == text.lower()
        ]
        for text in matching.lookups(name, readings)
    }
    return matching.match(name, readings, candidates)


@pytest.mark.parametrize(
    ("path", "sku", "slot", "position"),
    [
        ("AW-1_front.jpg", "AW-1", "cover_image", None),
        ("AW-1_cover.jpg", "AW-1", "cover_image", None),
        ("AW-1_main.png", "AW-1", "cover_image", None),
        ("AW-1_1.jpg", "AW-1", "cover_image", 1),
        ("AW-1_01.jpg", "AW-1", "cover_image", 1),
        ("AW-1_1_v2.jpg", "AW-1", "cover_image", 1),
        ("AW-1 (1).jpg", "AW-1", "cover_image", 1),
        ("AW-1_back.jpg", "AW-1", "back_image", None),
        ("AW-1_back_v2.jpg", "AW-1", "back_image", None),
        ("AW-1_front_2.jpg", "AW-1", "cover_image", 2),
        ("AW-1_front2.jpg", "AW-1", "cover_image", 2),
        ("AW-1.jpg", "AW-1", "images", None),
        ("AW-1", "AW-1", "images", None),
        ("AW-1_2.jpg", "AW-1", "images", 2),
        ("AW-1_detail_v3.jpg", "AW-1", "images", None),
        ("AW-1_detail_003_v12.webp", "AW-1", "images", 3),
        ("AW-1_detail_1.jpg", "AW-1", "images", 1),
        ("AW-1_99999999999.jpg", "AW-1", "images", None),
        ("AW-1_frontal.jpg", "AW-1", "images", None),
        ("aw-1_FRONT.JPEG", "AW-1", "cover_image", None),
        ("aw 1 front.jpg", "AW-1", "cover_image", None),
        ("AW_1.front.jpg", "AW-1", "cover_image", None),
        ("aw1_front.jpg", "AW-1", "cover_image", None),
        ("_AW-1_front.jpg", "AW-1", "cover_image", None),
        ("AW-1.2.jpg", "AW-1", "images", 2),
        ("AW-1_2.TIFF", "AW-1", "images", 2),
        ("AW-10_2.jpg", "AW-10", "images", 2),
        ("AW-1-blue_2.jpg", "AW-1-blue", "images", 2),
        ("AW-1-bluegreen_2.jpg", "AW-1", "images", 2),
        ("AW-1_1044.jpg", "AW-1", "images", 1044),
        ("A-B_front.jpg", "A/B", "cover_image", None),
        ("MÜTZE 7_front.jpg", "Mütze-7", "cover_image", None),
        ("Mu\u0308tze 7_front.jpg", "Mütze-7", "cover_image", None),  # NFD, as macOS sends it
        ("Mütze\u200b-7_front.jpg", "Mütze-7", "cover_image", None),
        ("靴-7_front.jpg", "靴-7", "cover_image", None),
        ("कि-1_back.jpg", "कि-1", "back_image", None),
        (f"{LONG_SKU}_front.jpg", LONG_SKU, "cover_image", None),
        ("AW-1" + "_x" * 120 + ".jpg", "AW-1", "images", None),
        ("day 1/AW-1_front.jpg", "AW-1", "cover_image", None),
        ("AW-10/AW-1_front.jpg", "AW-1", "cover_image", None),  # the name comes first
    ],
)
def test_the_longest_sku_at_the_start_matches_and_the_words_after_it_name_the_slot(
    path: str, sku: str, slot: str, position: int | None
) -> None:
    catalogue = ["AW-1", "AW-10", "AW-12", "AW-1-blue", "A/B", "Mütze-7", "靴-7", "कि-1", LONG_SKU]

    result = match(path, catalogue)

    assert result.product == Candidate(product_id=id_of(sku), sku=sku)
    assert result.by == "sku"
    assert result.place is not None
    assert (result.place.slot, result.place.position) == (slot, position)


@pytest.mark.parametrize("path", UNKNOWN)
def test_a_name_without_a_known_sku_is_unmatched(path: str) -> None:
    assert match(path, ["AW-1", LONG_SKU]) == matching.NO_MATCH


@pytest.mark.parametrize(
    ("path", "sku"),
    [
        ("AW-1/front.jpg", "AW-1"),
        ("day 1/AW-1/front.jpg", "AW-1"),
        ("day 1\\AW-1\\front.jpg", "AW-1"),
    ],
)
def test_the_folder_is_read_if_the_name_has_no_sku(path: str, sku: str) -> None:
    result = match(path, ["AW-1"])

    assert result.product == Candidate(product_id=id_of(sku), sku=sku)
    assert (result.by, result.place and result.place.slot) == ("folder", "cover_image")


@pytest.mark.parametrize(
    ("path", "skus", "expected"),
    [
        # The same SKU key twice: the spelling decides, then the words; otherwise none is chosen.
        ("AW-1_2x.jpg", ["AW-1", "AW_1"], ["AW-1"]),
        ("aw-1-2_front.jpg", ["AW-1-2", "AW12"], ["AW-1-2"]),
        ("aw1_front.jpg", ["AW-1", "aw_1"], ["AW-1", "aw_1"]),
        ("AW 1_front.jpg", ["AW-1", "aw_1"], ["AW-1", "aw_1"]),
        # Both a SKU and the number of a photo.
        ("SHOE-12.jpg", ["SHOE", "SHOE12"], ["SHOE12", "SHOE"]),
        ("SHOE-12.jpg", ["SHOE12"], ["SHOE12"]),
        ("SHOE-12.jpg", ["SHOE"], ["SHOE"]),
        # A separator inside a number does not belong to the SKU.
        ("AW-1_2.jpg", ["AW-1", "AW-12"], ["AW-1"]),
        ("AW-1_2.jpg", ["AW-12"], ["AW-12"]),
        ("A-12_3_X.jpg", ["A-12", "A-12-3X"], ["A-12-3X", "A-12"]),
    ],
)
def test_several_equally_good_matches_are_candidates(
    path: str, skus: list[str], expected: list[str]
) -> None:
    result = match(path, skus)

    assert [candidate.sku for candidate in result.candidates] == expected
    assert (result.product is None) == (len(expected) > 1)


@pytest.mark.parametrize(
    ("path", "slot", "position"),
    [
        ("Sartiq_AW-1_front_v1.jpg", "cover_image", None),
        ("Sartiq_AW-1_detail_v3.jpg", "images", None),
        ("Sartiq_AW-1_back_v3_2.jpg", "back_image", None),  # the second of two equal names
    ],
)
def test_a_template_finds_a_sku_anywhere(path: str, slot: str, position: int | None) -> None:
    result = match(path, ["AW-1", "Sartiq"], DEFAULT_TEMPLATE)

    assert result.product == Candidate(product_id=id_of("AW-1"), sku="AW-1")
    assert result.by == "template"
    assert result.place is not None
    assert (result.place.slot, result.place.position) == (slot, position)


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("Sartiq_XX-1_front_v1.jpg", [DEFAULT_TEMPLATE]),  # an unknown SKU
        ("Sartiq_A_W_front_v1.jpg", [DEFAULT_TEMPLATE]),  # may be read in two ways
        ("Sartiq_AW-1_front.jpg", [DEFAULT_TEMPLATE]),  # no version
        ("Sartiq_front.jpg", ["{brand}_{shot_type}"]),  # no SKU
    ],
)
def test_a_name_that_no_template_reads_is_matched_by_its_start(path: str, texts: list[str]) -> None:
    result = match(path, ["AW-1", "Sartiq"], *texts)

    assert (result.product and result.product.sku, result.by) == ("Sartiq", "sku")


def test_templates_that_read_different_products_are_ambiguous() -> None:
    result = match(
        "AW-1_BW-2.jpg", ["AW-1", "BW-2"], "{product_sku}_{color}", "{brand}_{product_sku}"
    )

    assert [candidate.sku for candidate in result.candidates] == ["AW-1", "BW-2"]
    assert result.product is None


def test_the_index_of_a_template_is_the_position() -> None:
    result = match("AW-1 007.jpg", ["AW-1"], "{product_sku} {index:03}")

    assert result.place is not None
    assert (result.place.slot, result.place.position) == ("images", 7)
