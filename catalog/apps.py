from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The entities that own media: products, subjects, looks, guidelines, production requests."""

    name = "catalog"
    verbose_name = "Catalogue"
