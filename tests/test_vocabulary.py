"""The names the code must not use: each word of our own has a standard term instead."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.folders import CHECKOUT
from tests.source_tree import python_files

# Compared with whole identifiers and module names.
STANDARD_TERMS = {
    "outliner": "chunk_planner",
    "Outliner": "ChunkPlanner",
    "Outline": "ChunkPlan",
    "windows": "range_cache",
    "Window": "RangeCache",
    "_Stretch": "_CachedRange",
    "media_plan": "images/plan",
    "media_work": "images/attach",
    "media_piece": "images/attach_products",
    "media_end": "images/finish",
    "examination": "ingest/check",
    "inspection": "ingest/check",
    "showing": "attach_images",
    "queue_unless_spared": "stored_objects.put",
    "kept_connections": "persistent_connections",
    "collecting": "gc_pause",
    "provision": "setup",
    "stories": "demo",
    "mend": "fix",
    "shall": "must",
    "whoever": "the role that acts",
    "insist": "require",
    "Narrator": "DemoClient",
    "revive": "restart_dead",
    "StopAskedError": "StopRequestedError",
    "sought": "the thing that is looked for",
    "swept": "cleaned up",
    "judged": "checked",
    "settle": "finish",
    "unsettled": "without_outcome",
    "GoodRow": "ValidRow",
    "BadRow": "RefusedRow",
    "FileFaultError": "JobFailureError",
    "sheet_reports": "table_warnings",
    "answer_of": "serialize_…",
    "untold": "not_enqueued",
    "FactsAdmin": "ReadOnlyAdmin",
    "FACTS": "SYSTEM_FIELDS",
    "contestant": "importer",
    "doors": "stores",
    "told": "the message, or reported",
    "said": "output, or message",
    "ours": "the thing itself",
}
# Compared with the start of a constant's name.
STANDARD_PREFIXES = {
    "LARGEST_": "MAX_",
    "LONGEST_": "MAX_",
    "MOST_": "MAX_",
    "SHORTEST_": "MIN_",
    "SMALLEST_": "MIN_",
    "WHILE_": "…_RETRY_DELAY",
    "GAVE_UP": "ATTEMPTS_EXHAUSTED",
}
_PREFIXES = re.compile("_?(" + "|".join(STANDARD_PREFIXES) + ")")


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name a module defines or uses, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
                yield node.lineno, name


def standard_term(name: str) -> str | None:
    """Return what to write instead of a name, or None for a name that is fine."""
    if name in STANDARD_TERMS:
        return STANDARD_TERMS[name]
    prefix = _PREFIXES.match(name)
    return STANDARD_PREFIXES[prefix[1]] if prefix else None


def complaints(path: Path) -> list[str]:
    """Return one line for each name in a file that has a standard term."""
    names = [(1, path.stem), *names_in(ast.parse((CHECKOUT / path).read_text()))]
    return [
        f"{path}:{line}: {name} → {term}"
        for line, name in sorted(set(names))
        if (term := standard_term(name))
    ]


def test_names_are_standard_terms() -> None:
    assert [line for path in python_files() for line in complaints(path)] == []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("whoever = 1", "whoever"),
        ("def provision(): ...", "provision"),
        ("class Outliner: ...", "Outliner"),
        ("f(windows=1)", "windows"),
        ("def f(*, swept): ...", "swept"),
        ("import x as stories", "stories"),
        ("a.collecting", "collecting"),
        ("_LONGEST_KEY = 3", "_LONGEST_KEY"),
    ],
)
def test_a_private_word_is_found_wherever_a_name_stands(source: str, name: str) -> None:
    assert [n for _, n in names_in(ast.parse(source)) if standard_term(n)] == [name]


@pytest.mark.parametrize("source", ["windows_1252 = 'windows'", "# whoever\nMOSTLY = 1"])
def test_text_and_longer_words_are_no_names(source: str) -> None:
    assert [n for _, n in names_in(ast.parse(source)) if standard_term(n)] == []
