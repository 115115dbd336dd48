from itertools import chain, count

from django.db import connection
from django.utils.text import slugify

from accounts.models import OwnerScope
from catalog.models import Subject

MAX_STEM_LENGTH = 240  # leaves room for the number within the field's 255
DEFAULT_STEM = "subject"


def free_slug(*, scope: OwnerScope, name: str) -> str:
    """Return a slug derived from the name that no subject of this owner has.

    Call it in the transaction that uses the slug: other requests of this owner wait until it ends.
    """
    with connection.cursor() as cursor:
        lock_name = "subject-slug:{}:{}".format(*scope.key)
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock_name])
    stem = slugify(name)[:MAX_STEM_LENGTH].strip("-") or DEFAULT_STEM
    rows = Subject.objects.in_scope(scope).filter(slug__startswith=stem)
    taken = set(rows.values_list("slug", flat=True))
    candidates = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(slug for slug in candidates if slug not in taken)
