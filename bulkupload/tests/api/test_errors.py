"""The errors of a bulk upload in JSON and CSV."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from bulkupload.tests.api.uploading import ROUTE, job_of, post
from bulkupload.tests.importing import run_job


def test_errors_are_returned_in_json_and_csv(client: APIClient) -> None:
    response = post(client)
    run_job(job_of(response))
    path = f"{ROUTE}{response.json()['id']}/errors"

    list_body = client.get(path).json()
    by_query: Any = client.get(path, {"format": "csv"})
    by_header: Any = client.get(path, headers={"Accept": "text/csv"})
    by_path: Any = client.get(f"{path}.csv")

    assert list_body == {
        "data": [
            {
                "row": 2,
                "line": 3,
                "column": "sku",
                "value": "",
                "severity": "error",
                "code": "missing",
                "message": "Every row needs a sku. Fill this cell.",
            }
        ],
        "count": 1,
    }
    body = b"".join(by_query.streaming_content)
    assert body == b"".join(by_header.streaming_content)
    assert body == b"".join(by_path.streaming_content)
    assert by_path.headers["Content-Disposition"] == by_query.headers["Content-Disposition"]
    assert by_path.headers["Content-Type"] == by_query.headers["Content-Type"]
    assert body.splitlines()[0] == (
        b'"sku";"name";"error_line";"error_column";"error_code";"error_message"'
    )
    assert by_query.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "products-errors.csv" in by_query.headers["Content-Disposition"]


@pytest.mark.parametrize("accept", ["text/csv", "application/json"])
@pytest.mark.parametrize("name", ["skip", "limit"])
def test_the_error_file_cannot_be_paged(client: APIClient, accept: str, name: str) -> None:
    path = f"{ROUTE}{post(client).json()['id']}/errors"
    query = {name: "1"} if accept == "text/csv" else {name: "1", "format": "csv"}

    response = client.get(path, query, headers={"Accept": accept})

    assert (response.status_code, response.json()["detail"][0]["loc"]) == (422, ["query", name])


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/csv, application/json;q=0.5", "text/csv; charset=utf-8"),
        ("application/json, text/csv;q=0.1", "application/json"),
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("text/csv;header=present, */*;q=0.1", "text/csv; charset=utf-8"),
        ("application/json; charset=utf-8, text/csv;q=0.1", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
    ],
)
def test_errors_are_in_the_format_the_client_prefers(
    client: APIClient, accept: str, content_type: str
) -> None:
    response = post(client)
    path = f"{ROUTE}{response.json()['id']}/errors"

    assert client.get(path, headers={"Accept": accept}).headers["Content-Type"] == content_type


def test_errors_are_paged(client: APIClient) -> None:
    response = post(client, b"sku,name\n" + b",x\n" * 5)
    run_job(job_of(response))

    page = client.get(f"{ROUTE}{response.json()['id']}/errors", {"skip": 3, "limit": 1}).json()

    assert ([error["row"] for error in page["data"]], page["count"]) == ([4], 5)


def test_a_page_of_errors_does_not_load_the_cells(client: APIClient) -> None:
    response = post(client, b"sku,name\n" + b",x\n" * 5)
    run_job(job_of(response))

    with CaptureQueriesContext(connection) as queries:
        client.get(f"{ROUTE}{response.json()['id']}/errors")

    [page] = [query["sql"] for query in queries if "position" in query["sql"]]
    assert "message" in page
    assert "cells" not in page
