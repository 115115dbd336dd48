from typing import Any

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from accounts.tests.factories import UserFactory
from exports.models import ExportConfiguration


class ConfigurationFactory(DjangoModelFactory[ExportConfiguration]):
    """A personal configuration with the defaults, or one of an organization if that is given."""

    class Meta:
        model = ExportConfiguration

    user: Any = SubFactory(UserFactory)
    name = Sequence(lambda n: f"Configuration {n}")
