import pytest

from devstack.pytest_plugin import own_database


@pytest.mark.parametrize(("worker", "number"), [("gw0", 1), ("gw11", 12)])
def test_each_xdist_worker_has_its_own_valkey_database(worker: str, number: int) -> None:
    url = "redis+socket:///run/valkey.sock?virtual_host=0"

    assert own_database(url, worker) == f"redis+socket:///run/valkey.sock?virtual_host={number}"
