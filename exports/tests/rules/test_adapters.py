import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest

from exports.rules import adapters
from exports.rules.adapters.base import ExportedFile
from exports.rules.adapters.registry import ADAPTERS, discover
from exports.rules.wildcards import WILDCARDS

FILES = [
    ExportedFile(
        name="AW26_front_01.webp",
        sha256="a" * 64,
        values={
            "product_sku": "AW26",
            "brand": "=HYPERLINK(1)",
            "shot_type": "front",
            "index": 1,
            "date": date(2026, 1, 2),
        },
    ),
    ExportedFile(name="é;1.webp", sha256="b" * 64, values={"product_name": 'a;"b"'}),
]
NEW_ADAPTER = """
from exports.rules.adapters.base import Adapter


class ShopAdapter(Adapter):
    code = "shop"
    display_name = "Shop"
    template = "{template}"

    def metadata_files(self, files):
        return {{"count.txt": str(len(files)).encode()}}
"""


def add_adapter(folder: Path, monkeypatch: pytest.MonkeyPatch, *, name: str, template: str) -> None:
    (folder / f"{name}.py").write_text(NEW_ADAPTER.format(template=template))
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(folder)])


def test_there_are_two_adapters() -> None:
    assert list(ADAPTERS) == ["default", "ovs"]


def test_one_new_file_adds_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_adapter(tmp_path, monkeypatch, name="shop_of_the_test", template="{look}")

    adapters = discover()

    assert list(adapters) == ["default", "ovs", "shop"]
    assert adapters["shop"].naming_convention_example == "Autumn city"
    assert adapters["shop"].metadata_files(FILES) == {"count.txt": b"2"}


def test_a_bad_template_in_an_adapter_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_adapter(tmp_path, monkeypatch, name="bad_shop_of_the_test", template="{nope}")

    with pytest.raises(Exception, match="Unknown wildcard"):
        discover()


def test_only_the_default_adapter_uses_a_customers_template() -> None:
    default, ovs = ADAPTERS["default"], ADAPTERS["ovs"]

    assert default.naming_template("{look}").text == "{look}"
    assert default.naming_template(None).text == "{brand}_{product_sku}_{shot_type}_v{version}"
    assert ovs.naming_template("{look}").text == ovs.naming_template(None).text == ovs.template


def test_default_writes_all_fields_as_json_and_csv() -> None:
    files = ADAPTERS["default"].metadata_files(FILES)

    body = json.loads(files["metadata.json"])["files"]
    rows = list(csv.DictReader(io.StringIO(files["metadata.csv"].decode(), newline="")))
    assert set(files) == {"metadata.json", "metadata.csv"}
    assert [row["file_name"] for row in body] == ["AW26_front_01.webp", "é;1.webp"]
    assert set(body[0]) == set(rows[0]) == {"file_name", "sha256", *WILDCARDS}
    assert (body[0]["index"], body[0]["date"]) == (1, "2026-01-02")
    assert rows[1]["product_name"] == 'a;"b"'


def test_ovs_writes_a_csv_for_its_spreadsheets() -> None:
    files = ADAPTERS["ovs"].metadata_files(FILES)

    assert set(files) == {"ovs_metadata.csv"}
    assert files["ovs_metadata.csv"].decode("utf-8") == (
        "\ufeffFile;SKU;Brand;Product;Color;Shot;Position\r\n"
        "AW26_front_01.webp;AW26;'=HYPERLINK(1);;;front;1\r\n"
        '"é;1.webp";;;"a;""b""";;;\r\n'
    )


@pytest.mark.parametrize("code", ["default", "ovs"])
def test_equal_files_give_equal_metadata(code: str) -> None:
    adapter = ADAPTERS[code]

    assert adapter.metadata_files(FILES) == adapter.metadata_files(list(FILES))
