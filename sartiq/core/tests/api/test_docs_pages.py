"""The pages at /docs and /redoc need nothing but this service."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from drf_spectacular.settings import spectacular_settings

FOREIGN_URL = re.compile(r"""(?:src|href|url)\s*[=(:]\s*["']?(?:https?:)?//""")
ASSET_URL = re.compile(r"""(?:src|href)="([^"]+)\"""")
PAGES = ["/docs", "/redoc"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_contain_no_urls_of_other_hosts(client: Client, page: str) -> None:
    html = client.get(page).content.decode()

    assert FOREIGN_URL.search(html) is None


@pytest.mark.parametrize("page", PAGES)
def test_page_runs_no_inline_script(client: Client, page: str) -> None:
    html = client.get(page).content.decode()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)

    assert scripts
    assert all("src=" in attributes and not body.strip() for attributes, body in scripts)
    assert re.search(r"\son\w+=", html) is None


@pytest.mark.parametrize("page", PAGES)
def test_every_asset_of_the_page_is_served_by_us(client: Client, page: str) -> None:
    html = client.get(page).content.decode()
    urls = [url for url in ASSET_URL.findall(html) if not url.startswith(page)]

    assert urls
    for url in urls:
        assert url.startswith("/static/")
        path = finders.find(url.removeprefix("/static/"))
        assert isinstance(path, str)
        assert Path(path).stat().st_size > 0


def test_swagger_starts_from_its_own_script(client: Client) -> None:
    response = client.get("/docs?script=")

    assert response.headers["Content-Type"].startswith("application/javascript")
    assert 'url: "/api/v1/openapi.json"' in response.content.decode().replace("\\u002D", "-")
    assert FOREIGN_URL.search(response.content.decode()) is None


@pytest.mark.parametrize("page", PAGES)
def test_the_policy_allows_no_other_hosts(client: Client, page: str) -> None:
    policy = client.get(page).headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "worker-src 'self' blob:" in policy  # ReDoc searches in a worker
    assert "style-src 'self' 'unsafe-inline'" in policy  # both write style elements
    assert "img-src 'self' data:" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def test_the_schema_is_served_at_the_url_the_pages_use(client: Client) -> None:
    response = client.get("/api/v1/openapi.json")

    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.1")
    assert response.json()["info"]["title"] == spectacular_settings.TITLE
