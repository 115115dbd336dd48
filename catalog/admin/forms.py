from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.admin.owners import OwnerForm
from accounts.models import OwnedModel, OwnerScope, TrashModel, User
from catalog.errors import ReferenceNotFoundError, SkuTakenError, SlugTakenError
from catalog.models import LoraModel
from catalog.rules import lora as rules
from catalog.rules.identifiers import clean_identifier
from catalog.rules.lora import FORMATS

TAKEN = {"sku": SkuTakenError, "slug": SlugTakenError}
CHOOSE_A_FILE = "Choose the model file."


class EntityForm(OwnerForm):
    """Form of an entity; linked rows must belong to the same owner."""

    def clean(self) -> dict[str, Any]:
        """Reject taken SKUs and slugs, and links to rows of other owners, at their fields."""
        cleaned = super().clean() or {}
        if cleaned.get("sku"):
            cleaned["sku"] = clean_identifier(cleaned["sku"]) or None
        scope = self._scope(cleaned)
        for name, value in list(cleaned.items()):
            if name in TAKEN and value and self._is_taken(scope, name, value):
                self.add_error(name, TAKEN[name].message)
            elif _is_foreign(value, creator=self.instance.user, scope=scope):
                self.add_error(name, ReferenceNotFoundError.message)
        self._keep_deleted_references(cleaned)
        return cleaned

    def _keep_deleted_references(self, cleaned: dict[str, Any]) -> None:
        """Keep a reference to a deleted row: the form cannot show it, so it was not cleared."""
        for field in self.instance._meta.fields:  # noqa: SLF001  Django's own API
            is_empty = field.name in cleaned and cleaned[field.name] is None
            current = getattr(self.instance, field.name) if is_empty else None
            if isinstance(current, TrashModel) and current.deleted_at is not None:
                cleaned[field.name] = current

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

    file_error: ClassVar[str] = ""  # shown at the file field

    file = forms.FileField(
        required=False,  # `clean` reports a missing file
        label="Model file",
        help_text=f"{', '.join(FORMATS)}; at most {rules.MAX_SIZE // rules.MIB} MiB."
        " It is scanned, never loaded.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ",".join(FORMATS)}),
    )

    class Meta:
        model = LoraModel
        fields = ("subject", "trigger", "entity_type")

    def clean(self) -> dict[str, Any]:
        """Report a rejected file first, then a missing or too large one."""
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if self.file_error:
            self.add_error("file", self.file_error)
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
