import pytest

from bulkupload.rules.rows.repeated_skus import SeenSkus


def skus(first: int, last: int) -> list[str]:
    return [f"AW26-{number:07}" for number in range(first, last)]


@pytest.mark.parametrize("table_size", [0, 1, 4_000_000])
def test_every_repeated_sku_is_found(table_size: int) -> None:
    seen = SeenSkus(table_size=table_size)
    seen.add(skus(0, 1000))

    assert set(skus(500, 1000)) <= set(seen.add(skus(500, 1500)))


def test_false_positives_are_rare() -> None:
    rows = 50_000
    seen = SeenSkus(table_size=rows * len("AW26-0000000,Shirt,Sartiq,linen\r\n"))

    mistaken = [sku for at in range(0, rows, 5000) for sku in seen.add(skus(at, at + 5000))]

    assert len(mistaken) < rows // 2000
