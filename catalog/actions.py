"""The actions of events about the catalogue."""

from django.db.models import TextChoices

from catalog.rules.slots import EntityType
from sartiq.core import events


@events.register
class CatalogAction(TextChoices):
    """What happens to entities and LoRA models."""

    PRODUCT_CREATED = "product.created", "Product created"
    PRODUCT_UPDATED = "product.updated", "Product updated"
    PRODUCT_DELETED = "product.deleted", "Product deleted"
    PRODUCT_RESTORED = "product.restored", "Product restored"
    PRODUCT_PURGED = "product.purged", "Product purged"
    SUBJECT_CREATED = "subject.created", "Subject created"
    SUBJECT_UPDATED = "subject.updated", "Subject updated"
    SUBJECT_DELETED = "subject.deleted", "Subject deleted"
    SUBJECT_RESTORED = "subject.restored", "Subject restored"
    SUBJECT_PURGED = "subject.purged", "Subject purged"
    LOOK_CREATED = "look.created", "Look created"
    LOOK_UPDATED = "look.updated", "Look updated"
    LOOK_DELETED = "look.deleted", "Look deleted"
    LOOK_RESTORED = "look.restored", "Look restored"
    LOOK_PURGED = "look.purged", "Look purged"
    GUIDELINE_CREATED = "guideline.created", "Guideline created"
    GUIDELINE_UPDATED = "guideline.updated", "Guideline updated"
    GUIDELINE_DELETED = "guideline.deleted", "Guideline deleted"
    GUIDELINE_RESTORED = "guideline.restored", "Guideline restored"
    GUIDELINE_PURGED = "guideline.purged", "Guideline purged"
    PRODUCTION_REQUEST_CREATED = "production_request.created", "Production request created"
    PRODUCTION_REQUEST_UPDATED = "production_request.updated", "Production request updated"
    PRODUCTION_REQUEST_DELETED = "production_request.deleted", "Production request deleted"
    PRODUCTION_REQUEST_RESTORED = "production_request.restored", "Production request restored"
    PRODUCTION_REQUEST_PURGED = "production_request.purged", "Production request purged"
    LORA_MODEL_CREATED = "lora_model.created", "LoRA model uploaded"
    LORA_MODEL_UPDATED = "lora_model.updated", "LoRA model updated"
    LORA_MODEL_DELETED = "lora_model.deleted", "LoRA model deleted"


def entity_action(entity_type: EntityType, verb: str) -> CatalogAction:
    """Return the action for what happened to an entity of this kind, such as `deleted`."""
    return CatalogAction(f"{entity_type.lower()}.{verb}")
