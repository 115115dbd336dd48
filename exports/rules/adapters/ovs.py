from collections.abc import Sequence
from typing import Final

from exports.rules.adapters.base import Adapter, ExportedFile, cell, csv_bytes

COLUMNS: Final = {
    "SKU": "product_sku",
    "Brand": "brand",
    "Product": "product_name",
    "Color": "color",
    "Shot": "shot_type",
    "Position": "index",
}


class OvsAdapter(Adapter):
    """The retailer's own names, and a table its spreadsheets open: semicolons and a BOM."""

    code = "ovs"
    display_name = "OVS"
    template = "{product_sku}_{shot_type}_{index:02}"
    is_customizable = False

    def metadata_files(self, files: Sequence[ExportedFile]) -> dict[str, bytes]:
        """Return `ovs_metadata.csv`."""
        rows = [
            [cell(each.name), *(cell(each.values.get(name)) for name in COLUMNS.values())]
            for each in files
        ]
        header = ["File", *COLUMNS]
        return {
            "ovs_metadata.csv": csv_bytes(header, rows, delimiter=";", encoding="utf-8-sig"),
        }
