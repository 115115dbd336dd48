import importlib
import re
from collections.abc import Iterator

import pytest
from django.utils.module_loading import module_has_submodule

from sartiq.core.api.issue_codes import CODES, FROM_DRF, from_drf
from sartiq.core.errors import InvalidError
from sartiq.settings.environment import CHECKOUT

APPS = ["sartiq.core", "accounts", "media", "exports", "catalog", "bulkupload"]


def refusals(kind: type[InvalidError] = InvalidError) -> Iterator[type[InvalidError]]:
    yield kind
    for subclass in kind.__subclasses__():
        yield from refusals(subclass)


def documented_codes() -> list[str]:
    text = (CHECKOUT / "docs" / "errors.md").read_text(encoding="utf-8")
    text, _, _ = text.partition("## Codes of later failures")
    return re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)


def test_every_error_has_a_documented_code() -> None:
    for name in APPS:
        if module_has_submodule(importlib.import_module(name), "errors"):
            importlib.import_module(f"{name}.errors")

    codes = {kind.__name__: kind.code for kind in refusals()}

    assert len(codes) > 15
    assert {name: code for name, code in codes.items() if code not in CODES} == {}


def test_the_documented_codes_are_complete() -> None:
    assert sorted(documented_codes()) == sorted(CODES)


def test_every_code_is_used() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for app in APPS
        for path in (CHECKOUT / app.replace(".", "/")).rglob("*.py")
        if path.name != "issue_codes.py" and "tests" not in path.parts
    ]
    used_codes = {code for code in CODES for text in sources if f'"{code}"' in text}

    assert CODES - used_codes - set(FROM_DRF.values()) == frozenset()


def test_codes_are_snake_case() -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in CODES)


def test_every_drf_code_is_mapped() -> None:
    assert set(FROM_DRF.values()) <= CODES


@pytest.mark.parametrize(
    ("drf_code", "code"),
    [("required", "missing"), ("file_empty", "file_empty"), ("made_up", "value_error")],
)
def test_unknown_codes_become_value_error(drf_code: str, code: str) -> None:
    assert from_drf(drf_code) == code
