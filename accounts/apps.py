from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who is calling, and what they may do."""

    name = "accounts"
    verbose_name = "Accounts"
