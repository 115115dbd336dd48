"""The report of a run, as text."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from chaos.checker.violations import Problem
from chaos.run import RECOVERY_SECONDS, Result

MAX_LISTED: Final = 20  # violations of each kind


def lines(result: Result) -> Iterator[str]:
    """Yield the lines of the report."""
    options, ledger = result.options, result.ledger
    yield f"seed {options.seed}, {options.seconds:g} s of faults"
    yield "load average of 1, 5, 15 minutes: " + ", ".join(f"{n:.1f}" for n in result.load_average)
    yield "faults:"
    for name, count in sorted(result.begun.items()):
        seconds = result.seconds[name]
        yield f"  {count:3} x {name}" + (f", {seconds} s" if seconds else "")
    yield f"connections to the store that were reset: {result.resets}"
    yield f"processes that ended by themselves: {_counted(+result.restarted) or 'none'}"
    rows = sum(len(table.names) for table in ledger.imports)
    files = sum(len(batch.attached) + len(batch.refused) for batch in ledger.photo_batches)
    yield (
        f"acknowledged: {ledger.uploads} uploads, {len(ledger.products)} products,"
        f" {len(ledger.imports)} imports with {rows} rows,"
        f" {len(ledger.photo_batches)} photo batches with {files} files,"
        f" {len(ledger.exports)} exports, {len(ledger.deleted)} deletions,"
        f" {ledger.restored} deletions that were undone"
    )
    yield f"longest wait of a client, with all repetitions: {ledger.longest_wait:.1f} s"
    yield f"responses: {_counted(ledger.outcomes)}"
    yield from _violations(result)
    if result.recovery_seconds is None:
        yield "work remained when the wait was given up"
    else:
        yield (
            f"all work was done {result.recovery_seconds:.1f} s after the last fault"
            f" (at most {RECOVERY_SECONDS:g} s)"
        )
    if result.overdue:
        yield f"work that remained after {RECOVERY_SECONDS:g} s: {_counted(result.overdue)}"
    yield "PASSED" if result.has_passed else "FAILED"


def _violations(result: Result) -> Iterator[str]:
    counts = Counter(violation.problem for violation in result.violations)
    yield ", ".join(f"{counts[problem]} {problem}" for problem in Problem)
    for problem in Problem:
        texts = [item.text for item in result.violations if item.problem is problem]
        yield from (f"  {problem}: {text}" for text in texts[:MAX_LISTED])
        if len(texts) > MAX_LISTED:
            yield f"  {problem}: {len(texts) - MAX_LISTED} more"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in sorted(counts.items()))
