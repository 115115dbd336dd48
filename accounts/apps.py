from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, organizations, memberships and sign-in."""

    name = "accounts"
    verbose_name = "Accounts"
