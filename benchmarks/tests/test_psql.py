"""The baseline's SQL works with the tables of the product."""

from pathlib import Path

import pytest
from django.db import connection

from accounts.tests.factories import OrganizationFactory, UserFactory
from benchmarks.baselines import psql
from benchmarks.tables import FIELDS
from catalog.models import Product

COPY = "\\copy"


@pytest.mark.django_db
def test_rows_are_created_and_updated() -> None:
    owner = psql.Owner(
        user_id=str(UserFactory.create().pk),
        organization_id=str(OrganizationFactory.create().pk),
    )
    lines = psql.script(Path("table.csv"), owner).splitlines()
    # The test has a transaction already, and inserts its rows instead of copying a file.
    sql = "\n".join(line for line in lines if line not in {"BEGIN;", "COMMIT;"})
    create_table, _, rest = sql.partition(COPY)
    merge = rest.partition("\n")[2]
    names = []
    with connection.cursor() as cursor:
        cursor.execute(psql.CREATE_REJECTED_SQL)
        for name in ("Boot", "Shoe"):
            cursor.execute(create_table)
            row = ["" for _ in FIELDS]
            row[FIELDS.index("sku")], row[FIELDS.index("name")] = "A-1", name
            cursor.execute(f"INSERT INTO bench_rows VALUES ({', '.join(['%s'] * len(row))})", row)
            cursor.execute(merge)
            cursor.execute("DROP TABLE bench_rows")
            names.append(Product.objects.get(sku="A-1").name)

    assert names == ["Boot", "Shoe"]
