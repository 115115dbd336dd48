"""Settings of a deployment; values that a deployment must choose have no default."""

from .environment import Production, load

_production = load(Production)

from .base import *  # noqa: E402  reads the environment loaded above

# The proxy terminates TLS; its header is only trusted if a proxy is configured.
if PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = _production.SECURE_SSL_REDIRECT
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # probes speak plain HTTP to the container
SECURE_HSTS_SECONDS = _production.SECURE_HSTS_SECONDS
SECURE_HSTS_INCLUDE_SUBDOMAINS = _production.SECURE_HSTS_INCLUDE_SUBDOMAINS
SECURE_HSTS_PRELOAD = _production.SECURE_HSTS_PRELOAD
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
