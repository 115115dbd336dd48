"""The owner field of admin forms for owned rows."""

from typing import Any, ClassVar

from django import forms
from django.db.models import TextChoices
from unfold.widgets import UnfoldAdminRadioSelectWidget

from accounts.models import User


class Owner(TextChoices):
    """Choices for the owner of a new row."""

    PERSONAL = "PERSONAL"
    ORGANIZATION = "ORGANIZATION"


class OwnerForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Form with an explicit owner, as an empty organization would silently mean the creator."""

    creator: ClassVar[User]

    owner = forms.ChoiceField(
        label="Owner",
        widget=UnfoldAdminRadioSelectWidget,
        error_messages={"required": "Choose an owner."},
        help_text="The owner cannot be changed later.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:  # noqa: SLF001  Django's documented model state
            del self.fields["owner"]
            return
        self.instance.user = self.creator
        field: Any = self.fields["owner"]
        field.choices = [
            (Owner.ORGANIZATION, "An organization: all its members can see it"),
            (Owner.PERSONAL, f"Only me ({self.creator.email}): no other member can see it"),
        ]
        if self.initial.get("organization"):
            self.initial.setdefault("owner", Owner.ORGANIZATION)

    def clean(self) -> dict[str, Any]:
        """Reject an owner that contradicts the organization field."""
        cleaned: dict[str, Any] = super().clean() or {}
        owner, organization = cleaned.get("owner"), cleaned.get("organization")
        if owner == Owner.ORGANIZATION and not organization and "organization" not in self.errors:
            self.add_error("organization", "Choose an organization.")
        if owner == Owner.PERSONAL and organization:
            self.add_error(
                "organization", "Leave this empty, or choose an organization as the owner."
            )
        return cleaned
