"""Telling the workers, after commit, which rows wait. Losing the message loses nothing."""

from uuid import UUID

from sartiq.core.work.publishing import send_after_commit


def convert(item_id: UUID) -> None:
    """Have a worker make one file of an export."""
    send_after_commit("exports.convert", item_id=str(item_id))


def assemble(run_id: UUID) -> None:
    """Have a worker pack one export."""
    send_after_commit("exports.assemble", run_id=str(run_id))
