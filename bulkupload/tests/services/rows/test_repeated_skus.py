import pytest

from bulkupload.rules.rows.repeated_skus import SeenSkus


def skus(first: int, last: int) -> list[str]:
    return [f"AW26-{number:07}" for number in range(first, last)]


@pytest.mark.parametrize("table_size", [0, 1, 4_000_000])
def test_every_repeated_sku_is_found(table_size: int) -> None:
    seen_skus = SeenSkus(table_size=table_size)
    seen_skus.add(skus(0, 1000))

    assert set(skus(500, 1000)) <= set(seen_skus.add(skus(500, 1500)))


def test_false_positives_are_rare() -> None:
    rows = 50_000
    seen_skus = SeenSkus(table_size=rows * len("AW26-0000000,Shirt,Sartiq,linen\r\n"))

    false_positives = [
        sku for start in range(0, rows, 5000) for sku in seen_skus.add(skus(start, start + 5000))
    ]

    assert len(false_positives) < rows // 2000
