from uuid import UUID, uuid4

from django.conf import settings
from django.db import ProgrammingError, connection, models, transaction
from django.db.models import Q

from media.errors import EnvironmentUnknownError
from media.rules.environment import Identity


class EnvironmentIdentity(models.Model):
    """The random id of this database: one row, written once by `setup_bucket`.

    `proven_settings` is a hash of the store settings that were last verified with probe objects.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    is_only = models.BooleanField(default=True, unique=True, editable=False)
    proven_settings = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(is_only=True), name="media_environment_only_row")
        ]

    def __str__(self) -> str:
        return str(self.pk)


def own_identity() -> Identity:
    """Return the identity of this environment; raises EnvironmentUnknownError."""
    row = EnvironmentIdentity.objects.first()
    if row is None:
        message = "This database has no environment id yet; run `manage.py setup_bucket`."
        raise EnvironmentUnknownError(message)
    return _identity(row.pk)


def get_or_create_identity() -> Identity:
    """Return the identity of this environment, creating the database id if it is missing."""
    row, _ = EnvironmentIdentity.objects.get_or_create(is_only=True)
    return _identity(row.pk)


def _identity(database_id: UUID) -> Identity:
    return Identity(
        environment=settings.ENVIRONMENT_NAME,
        database_id=str(database_id),
        system_identifier=_system_identifier(),
    )


def _system_identifier() -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
            (identifier,) = cursor.fetchone()
    except ProgrammingError as error:
        role = connection.settings_dict["USER"] or "the product's role"
        message = (
            "PostgreSQL does not let this role read its system identifier. As a superuser:"
            f" GRANT EXECUTE ON FUNCTION pg_control_system() TO {role};"
        )
        raise EnvironmentUnknownError(message) from error
    return str(identifier)
