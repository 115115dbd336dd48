import pytest

from devstack.pytest_plugin import broker_url_for_worker


@pytest.mark.parametrize(("worker", "number"), [("gw0", 1), ("gw11", 12)])
def test_each_xdist_worker_has_its_own_valkey_database(worker: str, number: int) -> None:
    url = "redis+socket:///run/valkey.sock?virtual_host=0"

    assert (
        broker_url_for_worker(url, worker)
        == f"redis+socket:///run/valkey.sock?virtual_host={number}"
    )
