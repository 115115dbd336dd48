"""A minute in which everything fails: nothing acknowledged is lost or doubled."""

import pytest

from chaos import report
from chaos.faults import KINDS
from chaos.run import RECOVERY_SECONDS, Options, run
from chaos.store_proxy import StoreProxy
from devstack.product import Product
from devstack.pytest_plugin import SETTINGS, Products

pytestmark = pytest.mark.flow

# The short limits of the tests would end tasks that only wait for a hung store.
LIMITS = {"TASK_TIME_LIMIT": "60", "ASSEMBLY_TIME_LIMIT": "60", "VISIBILITY_TIMEOUT": "90"}
MAX_RECOVERY_SECONDS = 2 * RECOVERY_SECONDS  # other tests share the machine
OPTIONS = Options(seed=1, seconds=60, uploads=100)


@pytest.mark.timeout(480)
@pytest.mark.covers("L01", "L02", "L04", "L05", "L08", "F16", "F37")
def test_nothing_is_lost_or_doubled_while_everything_fails(live_product: Products) -> None:
    stack = live_product.stack()
    assert stack.seaweed is not None
    with StoreProxy(target=stack.seaweed.port, seed=OPTIONS.seed) as proxy:
        addresses = {"S3_ENDPOINT_URL": proxy.url, "S3_PUBLIC_ENDPOINT_URL": proxy.url}
        with Product(stack, settings=SETTINGS, env={**addresses, **LIMITS}) as product:
            result = run(product, proxy, OPTIONS)

    text = "\n".join(report.lines(result))
    assert result.violations == [], text
    assert result.recovery_seconds is not None, text
    assert result.recovery_seconds <= MAX_RECOVERY_SECONDS, text
    assert set(result.begun) == {kind.name for kind in KINDS}
    ledger = result.ledger
    assert ledger.uploads > OPTIONS.uploads / 2
    assert all([ledger.imports, ledger.photo_batches, ledger.exports]), text
    assert all([ledger.deleted, ledger.restored]), text
