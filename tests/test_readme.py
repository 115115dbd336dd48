"""What README.md and its neighbours say is so: its example runs, its names exist."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import resolve

from devstack.folders import CHECKOUT
from devstack.pytest_plugin import Products

README = (CHECKOUT / "README.md").read_text()
PAGES = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DESIGN = sorted((CHECKOUT / "docs" / "design").glob("*.md"))
APPS = {"sartiq", "accounts", "media", "catalog", "exports", "bulkupload"}
TOOLS = {"devstack", "deploy", "docs", "tests", "benchmarks", "chaos", "samples", "wheels"}


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.flow
def test_the_examples_run_as_they_stand(live_product: Products, tmp_path: Path) -> None:
    product = live_product()
    parts = ("A file by hand", "A table and an archive by hand")
    script = "".join(block for part in parts for block in blocks(section(part)))
    person = product.users["member"]
    env = {"API": product.api, "PASSWORD": person.password, "TMPDIR": str(tmp_path)}

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=CHECKOUT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    assert done.returncode == 0, done.stderr
    told, header, refused, *archived = done.stdout.splitlines()
    assert told == "The same bytes came back."
    assert header.startswith('"sku";"name";"color";"error_line"')
    assert refused.startswith('"SH-2";"";"brown";"3";"name";"missing"')
    assert len(archived) == 4
    assert archived[-1] == "manifest.json"
    assert f"username={person.email}" in script


def test_every_make_command_named_exists() -> None:
    text = "".join(page.read_text() for page in PAGES)
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))

    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))

    assert {"demo", "serve", "test"} <= named <= targets


def test_the_operators_commands_are_all_of_ours() -> None:
    ours = {name for name, app in get_commands().items() if app.split(".")[0] in APPS}

    assert (
        set(re.findall(r"^\| `(\w+)` \|", section("Commands for operators"), re.MULTILINE)) == ours
    )


def test_the_map_shows_every_folder() -> None:
    shown = set(re.findall(r"`([a-z]+)/`", section("Map of the tree")))
    tracked = subprocess.run(
        ["git", "ls-files"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    folders = {name.split("/")[0] for name in tracked if "/" in name}

    assert {name for name in folders if not name.startswith(".")} == APPS | TOOLS
    assert shown >= APPS | TOOLS


@pytest.mark.parametrize("page", [*PAGES, *DESIGN], ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    folders = "|".join(APPS | TOOLS)
    paths = re.findall(rf"`((?:{folders})/[\w./-]+)`", text)

    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [path for path in paths if not (CHECKOUT / path).exists()]

    assert missing == []


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/api/v1/openapi.json", "/admin/", "/health/live", "/health/ready"]
)
def test_the_addresses_named_are_routes(path: str) -> None:
    assert path in README
    assert resolve(path).route == path.removeprefix("/")
