import pytest

from accounts.rules import may_assign_role, normalize_email, sign_in_name


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann@EXAMPLE.com ", "Ann@example.com"),
        ("Ann.Lee+shop@Example.Com", "Ann.Lee+shop@example.com"),
        ("cafe\u0301@example.com", "caf\u00e9@example.com"),
        ("no-at-sign", "no-at-sign"),
        ("", ""),
    ],
)
def test_an_address_has_one_stored_form(typed: str, stored: str) -> None:
    assert normalize_email(typed) == stored


def test_every_spelling_of_an_address_has_one_sign_in_name() -> None:
    spellings = ["ANN@example.com", " ann@EXAMPLE.com", "Ann@Example.Com"]

    assert {sign_in_name(spelling) for spelling in spellings} == {"ann@example.com"}


@pytest.mark.parametrize(
    ("actor", "role", "allowed"),
    [
        ("OWNER", "OWNER", True),
        ("OWNER", "ADMIN", True),
        ("OWNER", "MEMBER", True),
        ("ADMIN", "OWNER", False),
        ("ADMIN", "ADMIN", True),
        ("ADMIN", "MEMBER", True),
        ("MEMBER", "OWNER", False),
        ("MEMBER", "ADMIN", False),
        ("MEMBER", "MEMBER", False),
    ],
)
def test_only_owners_may_assign_the_owner_role(actor: str, role: str, allowed: bool) -> None:  # noqa: FBT001  a parametrized column
    assert may_assign_role(actor, role) is allowed
