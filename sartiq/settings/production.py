"""Settings of a deployment: nothing that must be decided has a default."""

from django.core.exceptions import ImproperlyConfigured

from .base import *

_REQUIRED = ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "BROKER_URL", "PUBLIC_BASE_URL"]
_REQUIRED_OF_S3 = [
    "S3_ENDPOINT_URL",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
    "R2_BUCKET_NAME",
    "R2_PRIVATE_BUCKET_NAME",
    "R2_PUBLIC_URL",
]
_SHORTEST_SECRET = 32  # bytes, RFC 7518 3.2: a key as long as the hash

_missing = [
    name
    for name in _REQUIRED + (_REQUIRED_OF_S3 if STORAGE == "s3" else [])
    if not env.str(name, default="")
]
if _missing:
    _names = ", ".join(_missing)
    raise ImproperlyConfigured(f"Set {_names}; deploy/env.example explains each.")
if len(SECRET_KEY.encode()) < _SHORTEST_SECRET:
    raise ImproperlyConfigured(f"SECRET_KEY is shorter than {_SHORTEST_SECRET} bytes.")
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts, not '*'.")

# The proxy in front ends TLS; its header counts only where a proxy is declared.
if AXES_IPWARE_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # probes speak plain HTTP to the container
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=True)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
