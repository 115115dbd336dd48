"""Types of the values an environment variable can have; each says what it allows.

The description of a type becomes the allowed range in the message of a refused value.
"""

import re
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

MIN_SECRET_BYTES: Final = 32  # RFC 7518 3.2: a key as long as the hash of HS256
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_ALLOWED_HOST = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]")
_MAX_PORT: Final = 65_535


def refusal(message: str) -> PydanticCustomError:
    """Return the error of a value; its message never contains the value."""
    return PydanticCustomError("refused", "{message}", {"message": message})


def _split(url: str) -> SplitResult:
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        raise refusal("contains a space or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refusal("is not a valid address") from None
    if port == 0:
        raise refusal("has port 0")
    return parts


def _http(url: str) -> SplitResult:
    parts = _split(url)
    if parts.scheme not in {"http", "https"}:
        raise refusal("does not begin with http:// or https://")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise refusal("has no valid host")
    if "@" in parts.netloc:
        raise refusal("contains a user or a password")
    if "?" in url or "#" in url:
        raise refusal("contains a query or a fragment")
    return parts


def _http_url(url: str) -> str:
    _http(url)
    return url.rstrip("/")


def _optional_http_url(url: str) -> str:
    return _http_url(url) if url else ""


def _origin(origin: str) -> str:
    if _http(origin).path:
        raise refusal("lists an origin with a path")
    return origin


def _allowed_host(host: str) -> str:
    if "*" in host:
        raise refusal("must name the hosts, not '*'")
    if not _ALLOWED_HOST.fullmatch(host):
        raise refusal("lists something that is not a host name")
    return host


def _broker_url(url: str) -> str:
    parts = _split(url)
    match parts.scheme:
        case "redis" | "rediss":
            if not parts.hostname:
                raise refusal("has no host")
            if not re.fullmatch(r"/?\d*", parts.path):
                raise refusal("has a database that is not a number")
        case "redis+socket":
            if not parts.path.startswith("/"):
                raise refusal("has no path of a socket")
        case _:
            raise refusal("has an unknown scheme")
    return url


def _database_url(url: str) -> str:
    database_parameters(url)
    return url


def database_parameters(url: str) -> dict[str, Any]:
    """Return the connection parameters a PostgreSQL URL names; raise what is wrong with it."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise refusal("has an unknown scheme")
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(url))
    except ProgrammingError:
        raise refusal("is not a valid address of PostgreSQL") from None
    folder, slash, name = str(parameters.get("dbname", "")).rpartition("/")
    if slash:  # postgres://user@//folder/of/the/socket/name
        parameters |= {"host": folder, "dbname": name}
    if not parameters.get("dbname"):
        raise refusal("names no database")
    port = str(parameters.get("port", "5432"))
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= _MAX_PORT:
        raise refusal("has a port that is not a number from 1 to 65535")
    return parameters


def database_settings(url: str) -> dict[str, Any]:
    """Return what Django's DATABASES says of a PostgreSQL URL."""
    parameters = database_parameters(url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    names |= {"HOST": "host", "PORT": "port"}
    settings = {name: parameters.pop(parameter, "") for name, parameter in names.items()}
    return settings | {"OPTIONS": parameters}


def _secret_key(secret: str) -> str:
    if secret and len(secret.encode()) < MIN_SECRET_BYTES:
        raise refusal(f"is shorter than {MIN_SECRET_BYTES} bytes")
    return secret


def _absolute(path: str) -> str:
    if path and not path.startswith("/"):
        raise refusal("is not an absolute path")
    return path


def _listed(value: object) -> object:
    if isinstance(value, str):
        return [item for item in (each.strip() for each in value.split(",")) if item]
    return value


Bucket = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
    Field(description="3 to 63 lower-case letters, digits, '-' and '.'"),
]
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
    Field(description="up to 64 letters, digits, '-', '_' and '.'"),
]
Secret = Annotated[str, Field(repr=False, description="a text that is not empty")]
SecretKey = Annotated[
    str,
    AfterValidator(_secret_key),
    Field(repr=False, description=f"at least {MIN_SECRET_BYTES} bytes of random text"),
]
_HTTP_URL = "an http:// or https:// address with a host, without user, query and fragment"
HttpUrl = Annotated[str, AfterValidator(_http_url), Field(description=_HTTP_URL)]
OptionalHttpUrl = Annotated[str, AfterValidator(_optional_http_url), Field(description=_HTTP_URL)]
DatabaseUrl = Annotated[
    str,
    AfterValidator(_database_url),
    Field(repr=False, description="postgres://user:password@host:port/database"),
]
BrokerUrl = Annotated[
    str,
    AfterValidator(_broker_url),
    Field(repr=False, description="redis://host:port/0, rediss://… or redis+socket:///path"),
]
AbsolutePath = Annotated[
    str, AfterValidator(_absolute), Field(description="a path that begins with /")
]
Hosts = Annotated[
    list[Annotated[str, AfterValidator(_allowed_host)]],
    NoDecode,
    BeforeValidator(_listed),
    Field(description="host names without scheme and port, separated by commas"),
]
Origins = Annotated[
    list[Annotated[str, AfterValidator(_origin)]],
    NoDecode,
    BeforeValidator(_listed),
    Field(description="origins such as https://studio.example, separated by commas"),
]
