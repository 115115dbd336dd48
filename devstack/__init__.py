"""Starts the real services the product needs, for development and tests only."""
