"""A connection to the embedded database of a product."""

from typing import Any

import psycopg

from devstack.process.child import DevstackError
from devstack.product import Product


def connect(product: Product) -> "psycopg.Connection[Any]":
    """Connect as the product does, in autocommit mode."""
    if product.stack.postgres is None:
        raise DevstackError("the database is not an embedded one")
    role, _, rest = product.stack.postgres.url.removeprefix("postgres://").partition("@/")
    sockets, _, name = rest.rpartition("/")
    return psycopg.connect(host=sockets, user=role, dbname=name, autocommit=True)
