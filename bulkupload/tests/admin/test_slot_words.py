"""The slot words of organizations, which staff enter."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization
from accounts.tests.factories import OrganizationFactory, UserFactory
from bulkupload.models import SlotWord
from sartiq.core.models import Event

pytestmark = pytest.mark.django_db

ADD = reverse("admin:bulkupload_slotword_add")


@pytest.fixture
def staff() -> Client:
    client = Client()
    user = UserFactory.create(superuser=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def post(staff: Client, organization: Organization, word: str) -> int:
    fields = {"organization": str(organization.pk), "word": word, "slot": "back_image"}
    return staff.post(ADD, fields).status_code


def test_a_word_is_stored_trimmed_and_in_lower_case(staff: Client) -> None:
    organization = OrganizationFactory.create()

    assert post(staff, organization, " HINTEN ") == 302
    assert post(staff, organization, "2") == 302

    words = SlotWord.objects.order_by("-word").values_list("word", "slot")
    assert list(words) == [("hinten", "back_image"), ("2", "back_image")]
    actions = Event.objects.values_list("action", "organization_id")
    assert list(actions) == [("slot_word.created", organization.pk)] * 2


@pytest.mark.parametrize("word", ["von hinten", "hinten_1", "--", ""])
def test_anything_but_one_word_is_refused(staff: Client, word: str) -> None:
    assert post(staff, OrganizationFactory.create(), word) == 200
    assert not SlotWord.objects.exists()


def test_a_word_has_one_slot(staff: Client) -> None:
    organization = OrganizationFactory.create()
    post(staff, organization, "hinten")

    assert post(staff, organization, "Hinten") == 200
    assert SlotWord.objects.count() == 1
