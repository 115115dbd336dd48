from django.contrib.auth.models import Permission

from accounts.models import Membership
from accounts.tests.factories import MembershipFactory
from devstack.template_database import delete_all_rows


def test_all_rows_are_deleted_except_those_of_migrations(db: None) -> None:
    MembershipFactory.create()

    delete_all_rows()

    assert not Membership.objects.exists()
    assert Permission.objects.exists()
