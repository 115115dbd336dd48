from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.admin.owners import OwnerForm
from accounts.models import OwnedModel, OwnerScope, User
from catalog.errors import ReferenceNotFoundError, SkuTakenError, SlugTakenError
from catalog.models import LoraModel
from catalog.rules import lora as rules
from catalog.rules.identifiers import clean_identifier
from catalog.rules.lora import FORMATS

TAKEN = {"sku": SkuTakenError, "slug": SlugTakenError}
CHOOSE_A_FILE = "Choose the model file."


class EntityForm(OwnerForm):
    """An entity's own fields; what it links to belongs to the same owner."""

    def clean(self) -> dict[str, Any]:
        """Refuse what the database would refuse, and links across owners, each at its field."""
        cleaned = super().clean() or {}
        if cleaned.get("sku"):
            cleaned["sku"] = clean_identifier(cleaned["sku"]) or None
        scope = self._scope(cleaned)
        for name, value in list(cleaned.items()):
            if name in TAKEN and value and self._is_taken(scope, name, value):
                self.add_error(name, TAKEN[name].message)
            elif _is_foreign(value, creator=self.instance.user, scope=scope):
                self.add_error(name, ReferenceNotFoundError.message)
        return cleaned

    def _scope(self, cleaned: dict[str, Any]) -> OwnerScope:
        organization = cleaned.get("organization")
        if organization is None:
            return OwnerScope(self.instance.user_id, self.instance.organization_id)
        return OwnerScope(self.instance.user_id, organization.pk)

    def _is_taken(self, scope: OwnerScope, name: str, value: Any) -> bool:
        model: Any = type(self.instance)
        others = model.objects.in_scope(scope).exclude(pk=self.instance.pk)
        return bool(others.filter(**{name: value}).exists())


class LoraUploadForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A model file and its description."""

    refusal: ClassVar[str] = ""  # why the file was refused; shown at its field

    file = forms.FileField(
        required=False,  # `clean` reports a missing file
        label="Model file",
        help_text=f"{', '.join(FORMATS)}; at most 100 MB. It is scanned, never loaded.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ",".join(FORMATS)}),
    )

    class Meta:
        model = LoraModel
        fields = ("subject", "trigger", "entity_type")

    def clean(self) -> dict[str, Any]:
        """Report a refused file first, then problems with its name and size."""
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if self.refusal:
            self.add_error("file", self.refusal)
        elif file is None:
            self.add_error("file", CHOOSE_A_FILE)
        elif file.size > rules.MAX_SIZE:
            self.add_error("file", rules.TOO_LARGE)
        return cleaned


def _is_foreign(value: Any, *, creator: User, scope: OwnerScope) -> bool:
    """Return whether a field holds a row that an entity of this scope may not be linked to."""
    rows = value if isinstance(value, QuerySet) else [value]
    owned = [row for row in rows if isinstance(row, OwnedModel)]
    if not owned:
        return False
    manager: Any = type(owned[0]).objects
    linkable = manager.linkable_by(creator, scope).filter(pk__in=[row.pk for row in owned])
    return int(linkable.count()) < len(owned)
