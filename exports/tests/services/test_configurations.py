"""Concurrent and partial changes of configurations, and their constraints."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import OwnerScope
from accounts.tests.factories import UserFactory
from exports import selectors
from exports.errors import ExportConfigurationNotFoundError, TemplateNotCustomizableError
from exports.models import ExportConfiguration, ImageFormat
from exports.services import configurations
from exports.tests.factories import ConfigurationFactory
from media.tests.threads import at_once


@pytest.mark.django_db(transaction=True)
def test_concurrent_deletions_delete_one_configuration_each() -> None:
    user = UserFactory.create()
    ConfigurationFactory.create_batch(3, user=user)
    rows = selectors.personal_configurations(user.pk)

    def delete() -> str:
        try:
            configurations.delete_first(rows.all())
        except ExportConfigurationNotFoundError:
            return "none left"
        return "deleted"

    assert sorted(at_once([delete] * 4)) == ["deleted", "deleted", "deleted", "none left"]
    assert not rows.exists()


@pytest.mark.django_db
def test_a_change_writes_only_the_given_fields() -> None:
    configuration = ConfigurationFactory.create(image_format="PNG")
    rows = ExportConfiguration.objects.filter(pk=configuration.pk)

    changed_configuration = configurations.change_first(rows, values={"name": "New"})

    assert (changed_configuration.name, changed_configuration.image_format) == (
        "New",
        ImageFormat.PNG,
    )
    assert changed_configuration.updated_at > configuration.updated_at


@pytest.mark.django_db
def test_constraints_reject_unknown_formats_and_empty_templates() -> None:
    user = UserFactory.create()
    invalid_values = [{"image_format": "webp"}, {"naming_convention_template": ""}]

    for values in invalid_values:
        with pytest.raises(IntegrityError), transaction.atomic():
            ExportConfiguration.objects.create(user=user, **values)

    assert not ExportConfiguration.objects.exists()


@pytest.mark.django_db
def test_a_refused_creation_stores_nothing() -> None:
    user = UserFactory.create()

    with pytest.raises(TemplateNotCustomizableError) as excinfo:
        configurations.create(
            scope=OwnerScope(user.pk),
            values={"metadata_adapter": "ovs", "naming_convention_template": "{brand}"},
        )

    assert excinfo.value.loc == ("body", "naming_convention_template")
    assert not ExportConfiguration.objects.exists()
