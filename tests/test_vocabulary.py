"""Names that the code must not use, with the standard terms to use instead."""

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
    "reach": "crash_point",
    "uncounted": "count_attempt=False",
    "by_outage": "dependency_down",
    "taken_by": "take_values",
    "one_visible_to": "get_visible",
    "WindowQuery": "PageQuery",
    "array_window": "array_page",
    "as_ours": "known_error",
    "PagesOnly": "SkippedForApiMixin",
    "past_pages": "handler_after_page_middleware",
    "judge": "check, or scan_file",
    "deaf_since": "stuck_since",
    "require_sound": "require_valid_settings",
    "list_of": "changelist_url",
    "model_holding": "model_with_attribute",
    "organization_named": "organization_id_from",
    "forget_expired": "delete_expired",
    "worn_by": "subject_link",
    "LOOK_SECONDS": "POLL_SECONDS",
    "worn": "products",
    "mine": "owned, or the thing",
    "told_as_ours": "translated_disk_errors",
    "says_so": "with_message",
    "picture_ranges": "image_ranges",
    "free_to_take": "due_and_unleased",
    "Wanted": "FileReference",
    "disown": "forget_inherited",
    "InvalidManyError": "InvalidValuesError",
    "NO_PICTURE": "NOT_AN_IMAGE",
    "SweepReport": "CleanupReport",
    "answers_of": "…_as_json",
    "detail_of": "…_as_json",
    "AnswerError": "S3ResponseError",
    "DirectCalls": "SignedRequests",
    "PictureServer": "ImageServer",
    "picture_server": "image_server",
    "asker": "caller",
    "deafen": "stop_consuming",
    "FOLKLORE": "COMMON_NAMES",
    "deferred": "enqueue",
    "removal": "trash",
    "may_wait": "take_permit",
    "take_long": "extend_and_take_permit",
    "CheckResults": "ResultsByKey",
    "RecordedAdmin": "EventRecordingAdmin",
    "RepeatedNameError": "DuplicateKeyError",
}
# The packages whose loops never call an item `each`, and of these the ones whose tests may.
NAMED_ITEMS = {
    "sartiq",
    "accounts",
    "catalog",
    "media",
    "exports",
    "devstack",
    "bulkupload",
    "benchmarks",
    "chaos",
    "tests",
}
UNNAMED_ITEMS_IN_TESTS = {"accounts", "media", "sartiq"}
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


def loop_variables(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the variables of loops and comprehensions, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            for target in ast.walk(node.target):
                if isinstance(target, ast.Name):
                    yield target.lineno, target.id


def test_loop_variables_are_named_after_their_items() -> None:
    unnamed = [
        f"{path}:{line}"
        for path in python_files()
        if path.parts[0] in NAMED_ITEMS
        and not ("tests" in path.parts and path.parts[0] in UNNAMED_ITEMS_IN_TESTS)
        for line, name in loop_variables(ast.parse((CHECKOUT / path).read_text()))
        if name == "each"
    ]

    assert unnamed == []


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
def test_a_private_word_is_found_in_any_kind_of_name(source: str, name: str) -> None:
    assert [n for _, n in names_in(ast.parse(source)) if standard_term(n)] == [name]


@pytest.mark.parametrize("source", ["windows_1252 = 'windows'", "# whoever\nMOSTLY = 1"])
def test_text_and_longer_words_are_not_reported(source: str) -> None:
    assert [n for _, n in names_in(ast.parse(source)) if standard_term(n)] == []
