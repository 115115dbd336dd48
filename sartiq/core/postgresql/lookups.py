"""`among`: like Django's `in`, for any number of values.

With `in` every value is a separate parameter, and PostgreSQL accepts 65,535 of them; one chunk of a
table can have more images. Here all values are one parameter, an array.
"""

from typing import Any

from django.db.models import Field
from django.db.models.lookups import In


class Among(In):
    """`field = ANY(array)`; an empty array matches nothing."""

    lookup_name = "among"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the condition and its parameters, the last of which is the array."""
        field, parameters = self.process_lhs(compiler, connection)
        _, values = self.process_rhs(compiler, connection)
        return f"{field} = ANY(%s)", (*parameters, list(values))


def register() -> None:
    """Register the lookup for every field."""
    Field.register_lookup(Among)
