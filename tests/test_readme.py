"""The documentation is correct: its examples run, and every path and name in it exists."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import resolve

from devstack.folders import CHECKOUT
from devstack.pytest_plugin import Products
from tests.source_tree import tracked_files

README = (CHECKOUT / "README.md").read_text()
PAGES = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
ARCHITECTURE = CHECKOUT / "docs" / "architecture.md"
DESIGN = sorted((CHECKOUT / "docs" / "design").glob("*.md"))
APPS = {"sartiq", "accounts", "media", "catalog", "exports", "bulkupload"}
TOOLS = {"devstack", "deploy", "docs", "tests", "benchmarks", "chaos", "samples", "wheels"}


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.flow
def test_the_examples_can_be_run_unchanged(live_product: Products, tmp_path: Path) -> None:
    product = live_product()
    parts = (
        "Upload a file with curl",
        "Import a table and download an archive with curl",
        "Attach a folder of photos with curl",
    )
    script = "".join(block for part in parts for block in blocks(section(part)))
    person = product.users["member"]
    env = {"API": product.api, "PASSWORD": person.password, "TMPDIR": str(tmp_path)}

    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=CHECKOUT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    assert result.returncode == 0, result.stderr
    message, header, refused_row, *archive_lines = result.stdout.splitlines()
    assert message == "The same bytes came back."
    assert header.startswith('"sku";"name";"color";"error_line"')
    assert refused_row.startswith('"SH-2";"";"brown";"3";"name";"missing"')
    assert len(archive_lines) == 4 + 2
    assert archive_lines[3] == "manifest.json"
    assert archive_lines[-1] == "day 1/SH-1_front.jpg,SH-1,cover_image,ready,"
    assert f"username={person.email}" in script


def test_every_documented_make_command_exists() -> None:
    text = "".join(page.read_text() for page in PAGES)
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))

    documented = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))

    assert {"demo", "serve", "test"} <= documented <= targets


def test_every_management_command_is_documented() -> None:
    commands = {name for name, app in get_commands().items() if app.split(".")[0] in APPS}

    assert (
        set(re.findall(r"^\| `(\w+)` \|", section("Commands for operators"), re.MULTILINE))
        == commands
    )


def test_the_map_shows_every_folder() -> None:
    folders_shown = re.findall(r"^\| `([\w/]+)/` \|", section("Repository layout"), re.MULTILINE)
    parents = [path.parts[:-1] for path in tracked_files()]
    folders = {"/".join(parts[:depth]) for parts in parents for depth in (1, 2) if parts}
    not_shown = re.compile(r"\..*|.+/(tests|migrations)")

    expected = {folder for folder in folders if not not_shown.fullmatch(folder)}

    assert len(folders_shown) == len(set(folders_shown))
    assert expected <= set(folders_shown)
    assert [folder for folder in folders_shown if not (CHECKOUT / folder).is_dir()] == []
    assert {folder for folder in expected if "/" not in folder} == APPS | TOOLS


def test_every_folder_of_the_map_has_one_sentence() -> None:
    sentences = re.findall(r"^\| `[\w/]+/` \| (.*) \|$", section("Repository layout"), re.MULTILINE)

    assert len(sentences) > len(APPS)
    assert [
        sentence for sentence in sentences if not sentence.endswith(".") or ". " in sentence
    ] == []


def flows() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the title of each flow of the architecture page, with its functions and files."""
    parts = re.findall(
        r"^## (.*?)\n(.*?)(?=^## |\Z)", ARCHITECTURE.read_text(), re.MULTILINE | re.DOTALL
    )
    step = re.compile(r"^\| .* \| `(\w+)` \| `([\w/.]+)` \|$", re.MULTILINE)
    return [(title, steps) for title, text in parts if (steps := step.findall(text))]


def source_of(name: str) -> Path:
    """Return the file for a path or a dotted module name."""
    return CHECKOUT / (name if "/" in name else f"{name.replace('.', '/')}.py")


def test_the_architecture_page_shows_the_main_flows() -> None:
    titles = [title.partition(":")[0] for title, _ in flows()]

    assert titles == ["Presign", "Create", "Relocate", "Import a row", "Export"]


@pytest.mark.parametrize("steps", [pytest.param(steps, id=title) for title, steps in flows()])
def test_each_function_of_a_flow_exists_and_occurs_once(steps: list[tuple[str, str]]) -> None:
    missing = [
        f"{function} in {file}"
        for function, file in steps
        if not re.search(rf"^ *def {function}\b", source_of(file).read_text(), re.MULTILINE)
    ]

    assert missing == []
    assert len(steps) == len(set(steps))


@pytest.mark.parametrize("page", [*PAGES, ARCHITECTURE, *DESIGN], ids=lambda page: page.name)
def test_links_and_paths_exist(page: Path) -> None:
    text = page.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    folders = "|".join(APPS | TOOLS)
    paths = re.findall(rf"`((?:{folders})/[\w./-]+)`", text)

    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [path for path in paths if not (CHECKOUT / path).exists()]
    modules = re.findall(r"`(sartiq\.core\.work\.\w+)`", text)
    missing += [module for module in modules if not source_of(module).exists()]

    assert missing == []


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/api/v1/openapi.json", "/admin/", "/health/live", "/health/ready"]
)
def test_documented_urls_are_routes(path: str) -> None:
    assert path in README
    assert resolve(path).route == path.removeprefix("/")
