"""The choice of the owner on the pages that create what belongs to one."""

from typing import Any, ClassVar

from django import forms
from django.db.models import TextChoices
from unfold.widgets import UnfoldAdminRadioSelectWidget

from accounts.models import User


class Owner(TextChoices):
    """Whose a new row is."""

    PERSONAL = "PERSONAL"
    ORGANIZATION = "ORGANIZATION"


class OwnerForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Asks whose a new row is: an empty organization alone would silently mean the creator's."""

    creator: ClassVar[User]

    owner = forms.ChoiceField(
        label="Belongs to",
        widget=UnfoldAdminRadioSelectWidget,
        error_messages={"required": "Choose who it belongs to."},
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
            (Owner.ORGANIZATION, "An organization: all its members see it"),
            (Owner.PERSONAL, f"Me personally ({self.creator.email}): no other member sees it"),
        ]
        if self.initial.get("organization"):
            self.initial.setdefault("owner", Owner.ORGANIZATION)

    def clean(self) -> dict[str, Any]:
        """Refuse an owner that the organization's field contradicts."""
        cleaned: dict[str, Any] = super().clean() or {}
        owner, organization = cleaned.get("owner"), cleaned.get("organization")
        if owner == Owner.ORGANIZATION and not organization and "organization" not in self.errors:
            self.add_error("organization", "Choose the organization it belongs to.")
        if owner == Owner.PERSONAL and organization:
            self.add_error(
                "organization", "Clear the organization, or choose that it belongs to one."
            )
        return cleaned
