"""Characters that are special in COPY's text format are stored as they were sent."""

import csv
import io

import pytest

from accounts.models import User
from bulkupload.tests.importing import counts, import_table
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

AWKWARD = [
    "\\N",
    "\\.",
    "\\",
    "back\\slash\\t",
    "tab\there",
    "line\nfeed",
    "carriage\rreturn",
    "both\r\nof them",
    'quote"d',
    "unit\x1fseparator",
    "escape\x1bd",
    "vertical\x0btab\x0cpage",
    "next\x85line\u2028and paragraph\u2029end",
    "emoji 🥿 and ideographs 靴",
]


@pytest.mark.covers("T62")
@pytest.mark.django_db(transaction=True)
def test_awkward_characters_are_stored_as_they_were_sent(private: MemoryStore, user: User) -> None:
    text = io.StringIO(newline="")
    rows = [[f"S{n}", f"Name {n}", f"x{cell}x", cell] for n, cell in enumerate(AWKWARD)]
    csv.writer(text).writerows([["sku", "name", "description", "brand"], *rows])

    first, again = import_table(user, text.getvalue()), import_table(user, text.getvalue())

    stored = Product.objects.order_by("name").values_list("sku", "name", "description", "brand")
    assert sorted(map(list, stored)) == sorted(rows)
    assert counts(first) == (len(AWKWARD), 0, 0, 0)
    assert counts(again) == (0, 0, len(AWKWARD), 0)
