"""kombu's Redis transport, fixed: a worker must survive an outage of the broker.

When the broker vanishes under a worker, kombu 5.7 drops the channel's connection, and then uses the
channel again: to give unacknowledged messages back, and to acknowledge a task that ends just then.
The channel looks up an address that was removed, and the AttributeError ends the worker. Said
as the connection error it is, kombu handles it: the row in PostgreSQL, which is the work, stays.

When the broker hangs while a task ends, acknowledging it fails, and kombu keeps the task's place
among those the worker may hold: after as many failures as the worker has processes it takes no
message any more. Here the place is free whatever becomes of the acknowledgement.

A worker or beat that cannot connect waits longer after each attempt, up to 30 seconds, and keeps
waiting when the broker is back. Here it tries again every second.
"""

from typing import Any, Final, Self

from celery.app import amqp
from kombu import Connection as KombuConnection
from kombu.transport import TRANSPORT_ALIASES, redis, virtual
from redis.exceptions import ConnectionError as BrokerConnectionError

RECONNECT_SECONDS: Final = 1  # between attempts to connect


class Connection(KombuConnection):
    """A connection that is back soon after the broker, however long that was away."""

    def ensure_connection(self, *args: Any, **options: Any) -> Self:
        """Connect, and try again at a steady pace."""
        pace: dict[str, Any] = {
            "interval_start": RECONNECT_SECONDS,
            "interval_step": 0,
            "interval_max": RECONNECT_SECONDS,
        }
        super().ensure_connection(*args, **{**pace, **options})
        return self


class AMQP(amqp.AMQP):
    """What Celery connects with."""

    Connection = Connection


class QoS(redis.QoS):
    """What a worker holds: a message it is done with takes no place, even if the broker hangs.

    The broker still has such a message and delivers it again; its row says that the work is done.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, and free its place even if that fails."""
        try:
            super().ack(delivery_tag)
        except BaseException:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  kombu's
        """Reject a message, and free its place even if that fails."""
        try:
            super().reject(delivery_tag, requeue=requeue)
        except BaseException:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """A channel that knows when its connection was dropped."""

    QoS = QoS

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  kombu's
        transport: Any = self.connection
        if transport is None or transport.client is None:
            message = "The connection to the broker was dropped."
            raise BrokerConnectionError(message)
        parameters: dict[str, Any] = super()._connparams(  # type: ignore[misc]  # not in its stubs
            asynchronous=asynchronous
        )
        return parameters


class Transport(redis.Transport):
    """The transport behind `redis://`, `rediss://` and `redis+socket://`."""

    Channel = Channel


def use() -> None:
    """Make it what kombu finds under the names of Redis."""
    for name in ("redis", "rediss"):
        TRANSPORT_ALIASES[name] = f"{__name__}:Transport"
