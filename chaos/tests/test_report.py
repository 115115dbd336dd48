from collections import Counter

import pytest

from chaos.checker.violations import Problem, Violation
from chaos.ledger import ExpectedBatch, ExpectedExport, Ledger
from chaos.report import lines
from chaos.run import Options, Result

DOUBLED = Violation(Problem.DOUBLED, "two products of one request: name a")


def result(
    *,
    seconds: float | None = 5.0,
    violations: list[Violation] | None = None,
    overdue: dict[str, int] | None = None,
) -> Result:
    return Result(
        options=Options(seed=7, seconds=60, uploads=10),
        ledger=Ledger(uploads=9),
        begun=Counter({"beat killed": 1}),
        seconds=Counter(),
        restarted=Counter({"worker": 0, "web": 1}),
        resets=3,
        recovery_seconds=seconds,
        overdue=overdue or {},
        violations=violations or [],
        load_average=(1.0, 2.0, 3.0),
    )


@pytest.mark.parametrize(
    ("outcome", "has_passed"),
    [
        (result(), True),
        (result(seconds=60.0), True),
        (result(seconds=60.1), False),
        (result(seconds=None), False),
        (result(violations=[DOUBLED]), False),
    ],
    ids=["passed", "just in time", "late", "never done", "violation"],
)
def test_a_run_passes_if_every_promise_was_kept_in_time(
    outcome: Result, *, has_passed: bool
) -> None:
    assert outcome.has_passed is has_passed
    assert list(lines(outcome))[-1] == ("PASSED" if has_passed else "FAILED")


def test_the_report_counts_work_that_was_not_done_in_time() -> None:
    text = list(lines(result(seconds=61.0, overdue={"photo still pending": 2})))

    assert text[-2:] == ["work that remained after 60 s: 2 x photo still pending", "FAILED"]


def test_the_report_counts_and_lists_violations() -> None:
    text = list(lines(result(violations=[DOUBLED] * 25)))

    assert "0 lost, 25 doubled, 0 stuck, 0 left over, 0 rejected" in text
    assert text.count(f"  doubled: {DOUBLED.text}") == 20
    assert "  doubled: 5 more" in text


def test_the_report_counts_what_was_acknowledged() -> None:
    outcome = result()
    outcome.ledger.add_photo_batch(ExpectedBatch("1", "a", {"a": "digest"}, {"b": "code"}, []))
    outcome.ledger.add_export(ExpectedExport("1", ["digest"]))
    outcome.ledger.add_deleted("1")
    outcome.ledger.add_restored()

    [line] = [line for line in lines(outcome) if line.startswith("acknowledged")]

    assert line == (
        "acknowledged: 9 uploads, 0 products, 0 imports with 0 rows, 1 photo batches with 2 files,"
        " 1 exports, 1 deletions, 1 deletions that were undone"
    )


def test_the_report_names_processes_that_ended_by_themselves() -> None:
    assert "processes that ended by themselves: 1 x web" in list(lines(result()))
