"""Which export configuration applies to an entity or to an owner, and why."""

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.models import OwnerScope
from catalog.models import ConfiguredEntity, ProductionRequest
from exports.models import ExportConfiguration
from exports.rules.levels import REASONS, Level
from exports.rules.templates import Template
from exports.selectors import (
    configurations_of_organization,
    personal_configurations,
    template_of,
)

SYSTEM_DEFAULT = "System default"


@dataclass(frozen=True)
class Resolution:
    """The configuration that applies, and its level; the system default is not stored."""

    level: Level
    configuration: ExportConfiguration

    @property
    def reason(self) -> str:
        """Return why this configuration applies."""
        return REASONS[self.level]

    @property
    def template(self) -> Template:
        """Return the naming template in use."""
        return template_of(self.configuration)


def resolve(entity: ConfiguredEntity) -> Resolution:
    """Return the configuration of an entity: its own or its guideline's, else its owner's."""
    for level, configuration in _linked_configurations(entity):
        if configuration is not None:
            return Resolution(level, configuration)
    return resolve_for_owner(entity.scope)


def resolve_for_owner(scope: OwnerScope) -> Resolution:
    """Return the oldest configuration of the organization, else of the user, else the default."""
    if scope.organization_id is not None:
        of_organization = configurations_of_organization(scope.organization_id).first()
        if of_organization is not None:
            return Resolution(Level.ORGANIZATION, of_organization)
    of_user = personal_configurations(scope.user_id).first()
    if of_user is not None:
        return Resolution(Level.USER, of_user)
    return Resolution(Level.SYSTEM, ExportConfiguration(name=SYSTEM_DEFAULT))


def _linked_configurations(
    entity: ConfiguredEntity,
) -> Iterator[tuple[Level, ExportConfiguration | None]]:
    yield Level.DIRECT, entity.export_configuration
    if isinstance(entity, ProductionRequest) and entity.live_guideline is not None:
        yield Level.GUIDELINE, entity.live_guideline.export_configuration
