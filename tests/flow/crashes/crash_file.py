"""Requests to kill or stop a process of the running product at a crash point (`devstack.crash`)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CrashFile:
    """The file that the processes of the product read at each crash point."""

    path: Path

    def crash_at(self, point: str, *, role: str) -> None:
        """Request that the next process to reach the point is killed; `role` is web or worker."""
        self.path.write_text(f"{role} {point}")

    def crash_group_at(self, point: str, *, role: str) -> None:
        """Like `crash_at`, with the whole process group, as when a container is lost."""
        self.path.write_text(f"all {role} {point}")

    def stop_group_at(self, point: str, *, role: str) -> None:
        """Like `crash_group_at`, but stop the group until it gets SIGCONT."""
        self.path.write_text(f"stop {role} {point}")

    def was_reached(self) -> bool:
        """Return whether a process has reached the point, and was killed or stopped."""
        return self.path.with_name("done").exists()

    def require_reached(self) -> None:
        """Assert that the point was reached."""
        assert self.was_reached(), "the crash point was never reached"

    def reset(self) -> None:
        """Withdraw the request, and forget that the point was reached."""
        for file in self.path.parent.iterdir():
            file.unlink()
