"""A minute in which everything fails: nothing acknowledged is lost or doubled."""

import pytest

from chaos import report
from chaos.faults import KINDS
from chaos.proxy import StoreProxy
from chaos.run import Options, run
from devstack.pytest_plugin import Products

pytestmark = pytest.mark.flow

# The short limits of the tests would end tasks that only wait for a hung store.
LIMITS = {"TASK_TIME_LIMIT": "60", "ASSEMBLY_TIME_LIMIT": "60", "VISIBILITY_TIMEOUT": "90"}
OPTIONS = Options(seed=1, seconds=60, uploads=150)


@pytest.mark.covers("L01", "L02", "L04", "L05", "L08", "F16", "F37")
def test_nothing_is_lost_or_doubled_while_everything_fails(live_product: Products) -> None:
    with StoreProxy(seed=OPTIONS.seed) as proxy:
        product = live_product.fresh(
            S3_ENDPOINT_URL=proxy.url, S3_PUBLIC_ENDPOINT_URL=proxy.url, **LIMITS
        )
        try:
            assert product.stack.seaweed is not None
            proxy.target = product.stack.seaweed.port
            result = run(product, proxy, OPTIONS)
        finally:
            product.stop()

    assert result.has_passed, "\n".join(report.lines(result))
    assert set(result.begun) == {kind.name for kind in KINDS}
    assert result.ledger.uploads > OPTIONS.uploads / 2
