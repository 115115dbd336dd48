"""The ports that the launcher chooses."""

from devstack.process.ports import GRPC_OFFSET, free_pairs


def test_no_port_is_the_second_port_of_another_pair() -> None:
    ports = free_pairs(4000)

    assert not {port + GRPC_OFFSET for port in ports} & set(ports)
