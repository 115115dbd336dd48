"""Every requirement of `docs/design/requirements.md` is covered by a test that names it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
DESIGN = CHECKOUT / "docs" / "design"
APPS = ("accounts", "bulkupload", "catalog", "devstack", "exports", "media", "sartiq", "tests")


def _listed_in(page: str) -> set[str]:
    return set(re.findall(r"^\| ([TFIL]\d\d) \|", (DESIGN / page).read_text(), re.MULTILINE))


# The model-based test checks the invariants, except I18.
REQUIREMENTS = _listed_in("requirements.md") | {"I18"}


def test_every_requirement_is_covered_by_a_test() -> None:
    covered = set(_covered())

    assert sorted(REQUIREMENTS - covered) == []


def test_tests_name_only_listed_requirements() -> None:
    covered = set(_covered())

    assert sorted(covered - REQUIREMENTS - _listed_in("model-based-test.md")) == []


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
