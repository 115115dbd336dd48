from sartiq.core.events.actions import register
from sartiq.core.events.recording import record, record_each

__all__ = ["record", "record_each", "register"]
