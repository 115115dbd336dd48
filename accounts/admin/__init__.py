from accounts.admin import memberships, organizations, users

__all__ = ["memberships", "organizations", "users"]
