"""Every numbered threat and fault of the specification is covered by a test that names it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
APPS = ("accounts", "bulkupload", "catalog", "devstack", "exports", "media", "sartiq", "tests")


def _numbered(letter: str, *spans: tuple[int, int]) -> set[str]:
    return {f"{letter}{n:02}" for first, last in spans for n in range(first, last + 1)}


# The threats and faults of uploads, imports and exports. There are no quotas (T10) yet.
PROMISED = (
    _numbered("T", (1, 9), (11, 13), (20, 26), (30, 31), (38, 49), (51, 52), (60, 66))
    | _numbered("F", (1, 18), (30, 33))
    | _numbered("I", (18, 18))
)


def test_every_promise_is_covered_by_a_test() -> None:
    covered = set(_covered())

    assert sorted(PROMISED - covered) == []


@pytest.mark.covers("F04")
def test_only_the_publishing_module_sends_tasks() -> None:
    senders = {
        str(path.relative_to(CHECKOUT))
        for path in _sources()
        if "tests" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in {"delay", "apply_async", "send_task", "delay_on_commit"}
    }

    assert senders == {str(Path("sartiq", "core", "work", "publishing.py"))}


def _covered() -> Iterator[str]:
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.covers":
                yield from (str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))


def _sources() -> list[Path]:
    return [path for app in APPS for path in (CHECKOUT / app).rglob("*.py")]
