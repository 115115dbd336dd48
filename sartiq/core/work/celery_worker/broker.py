"""Fixes of kombu's Redis transport: a worker must survive an outage of the broker.

When a worker loses the broker, kombu 5.7 drops the channel's connection and then uses the channel
again, to return unacknowledged messages or to acknowledge a task that ends at that moment. This
raises AttributeError, which ends the worker. Here it is a connection error, which kombu handles.

When the broker hangs while a task ends, acknowledging it fails, and kombu still counts the task
against the prefetch limit: after as many failures as the worker has processes, it takes no more
messages. Here the task no longer counts even if the acknowledgement fails.

A worker or beat that cannot connect waits longer after each attempt, up to 30 seconds, even if the
broker is back. Here it tries again every second.
"""

from typing import Any, Final, Self

from celery.app import amqp
from kombu import Connection as KombuConnection
from kombu.transport import TRANSPORT_ALIASES, redis, virtual
from redis.exceptions import ConnectionError as BrokerConnectionError

RECONNECT_SECONDS: Final = 1  # between attempts to connect


class Connection(KombuConnection):
    """A connection that is re-established soon after the end of any outage."""

    def ensure_connection(self, *args: Any, **options: Any) -> Self:
        """Connect, trying again at a constant interval."""
        interval: dict[str, Any] = {
            "interval_start": RECONNECT_SECONDS,
            "interval_step": 0,
            "interval_max": RECONNECT_SECONDS,
        }
        super().ensure_connection(*args, **{**interval, **options})
        return self


class AMQP(amqp.AMQP):
    """Celery's AMQP with our connection."""

    Connection = Connection


class QoS(redis.QoS):
    """Prefetch accounting in which a finished message no longer counts, even if the broker hangs.

    The broker still has that message and delivers it again; its row shows that the work is done.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, and stop counting it even if that fails."""
        try:
            super().ack(delivery_tag)
        except BaseException:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  kombu's
        """Reject a message, and stop counting it even if that fails."""
        try:
            super().reject(delivery_tag, requeue=requeue)
        except BaseException:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """A channel that raises a connection error when its connection was dropped."""

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


def register_transport() -> None:
    """Register this transport for kombu's Redis URLs."""
    for name in ("redis", "rediss"):
        TRANSPORT_ALIASES[name] = f"{__name__}:Transport"
