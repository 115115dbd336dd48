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
    """The configuration that applies and the level it came from; the system's is not stored."""

    level: Level
    configuration: ExportConfiguration

    @property
    def reason(self) -> str:
        """Return why this one applies."""
        return REASONS[self.level]

    @property
    def template(self) -> Template:
        """The template that names files."""
        return template_of(self.configuration)


def resolve(entity: ConfiguredEntity) -> Resolution:
    """Return the configuration of an entity: its own or its guideline's, else its owner's."""
    for level, configuration in _linked_configurations(entity):
        if configuration is not None:
            return Resolution(level, configuration)
    return resolve_for_owner(entity.scope)


def resolve_for_owner(scope: OwnerScope) -> Resolution:
    """Return an owner's configuration: the organization's first, the user's first, the system's."""
    if scope.organization_id is not None:
        of_organization = configurations_of_organization(scope.organization_id).first()
        if of_organization is not None:
            return Resolution(Level.ORGANIZATION, of_organization)
    own = personal_configurations(scope.user_id).first()
    if own is not None:
        return Resolution(Level.USER, own)
    return Resolution(Level.SYSTEM, ExportConfiguration(name=SYSTEM_DEFAULT))


def _linked_configurations(
    entity: ConfiguredEntity,
) -> Iterator[tuple[Level, ExportConfiguration | None]]:
    yield Level.DIRECT, entity.export_configuration
    if isinstance(entity, ProductionRequest) and entity.guideline is not None:
        yield Level.GUIDELINE, entity.guideline.export_configuration
