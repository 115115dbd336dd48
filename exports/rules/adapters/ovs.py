from collections.abc import Sequence
from typing import Final

from exports.rules.adapters.base import Adapter, ExportedFile, csv_bytes, csv_cell

COLUMNS: Final = {
    "SKU": "product_sku",
    "Brand": "brand",
    "Product": "product_name",
    "Color": "color",
    "Shot": "shot_type",
    "Position": "index",
}


class OvsAdapter(Adapter):
    """The names and the CSV of the retailer OVS, with semicolons and a BOM for its spreadsheets."""

    code = "ovs"
    display_name = "OVS"
    template = "{product_sku}_{shot_type}_{index:02}"
    is_customizable = False

    def metadata_files(self, files: Sequence[ExportedFile]) -> dict[str, bytes]:
        """Return `ovs_metadata.csv`."""
        rows = [
            [csv_cell(file.name), *(csv_cell(file.values.get(name)) for name in COLUMNS.values())]
            for file in files
        ]
        header = ["File", *COLUMNS]
        return {
            "ovs_metadata.csv": csv_bytes(header, rows, delimiter=";", encoding="utf-8-sig"),
        }
