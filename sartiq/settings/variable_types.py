"""Types of environment variables.

The description of a type is shown as the allowed values in the message for an invalid value.
"""

import re
from ipaddress import ip_address
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

REFUSED_TYPE: Final = "refused"  # of the errors that `invalid` returns
MIN_SECRET_BYTES: Final = 32  # RFC 7518 3.2: a key as long as the hash of HS256
MIN_SECRET_CHARACTERS: Final = 5  # distinct, as Django's deployment check requires
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_URL: Final = re.compile(r"([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")  # RFC 3986
_KEY: Final = re.compile(r"[!#-&(-~]*")  # printable ASCII without spaces and quotes
_MAX_PORT: Final = 65_535
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_TLS_OPTIONS: Final = {"ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_TLS_REQUIREMENTS: Final = {"none", "optional", "required"}
_SSL_MODES: Final = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}


def invalid(message: str) -> PydanticCustomError:
    """Return the error to raise for a value, which may be secret: `message` must not contain it."""
    return PydanticCustomError(REFUSED_TYPE, "{message}", {"message": message})


def _split(url: str) -> SplitResult:
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        raise invalid("contains a space or a control character")
    if not _URL.fullmatch(url):
        raise invalid("contains a character that must be written as % and two digits")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise invalid("is not a valid address") from None
    if port == 0 or parts.netloc.endswith(":"):
        raise invalid("has port 0" if port == 0 else "ends its host with a colon")
    return parts


def _is_host(name: str) -> bool:
    """Return whether this is a host name, an IPv4 address or an IPv6 address without brackets."""
    if ":" not in name and not re.fullmatch(r"[\d.]+", name):
        return bool(_HOST.fullmatch(name))
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _http(url: str) -> SplitResult:
    parts = _split(url)
    if parts.scheme not in {"http", "https"}:
        raise invalid("does not begin with http:// or https://")
    if not parts.hostname or not _is_host(parts.hostname):
        raise invalid("has no valid host")
    if {".", ".."} & set(unquote(parts.path).split("/")) or "%2f" in parts.path.lower():
        raise invalid("has a path with '.', '..' or an escaped '/'")
    if "@" in parts.netloc:
        raise invalid("contains a user or a password")
    if "?" in url or "#" in url:
        raise invalid("contains a query or a fragment")
    return parts


def _http_url(url: str) -> str:
    _http(url)
    return url.rstrip("/")


def _optional_http_url(url: str) -> str:
    return _http_url(url) if url else ""


def _origin(origin: str) -> str:
    """Return an origin as browsers write it: lower case, without the port of its scheme."""
    parts = _http(origin)
    if parts.path:
        raise invalid("lists an origin with a path")
    host = parts.netloc.lower().removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")
    return f"{parts.scheme}://{host}"


def _allowed_host(host: str) -> str:
    if "*" in host:
        raise invalid("must name the hosts, not '*'")
    bracketed = re.fullmatch(r"\[(.*:.*)\]", host)  # an IPv6 address in a Host header
    name = bracketed[1] if bracketed else host.removeprefix(".")
    if not _is_host(name) or (":" in name and not bracketed) or name.endswith("."):
        raise invalid("lists something that is not a host name")
    return host


def _broker_url(url: str) -> str:
    parts = _split(url)
    match parts.scheme:
        case "redis" | "rediss":
            if not parts.hostname:
                raise invalid("has no host")
            if not _is_host(parts.hostname):
                raise invalid("has no valid host")
            if not re.fullmatch(r"/?\d*", parts.path):
                raise invalid("has a database that is not a number")
        case "redis+socket":
            if parts.netloc or not parts.path.startswith("/"):
                raise invalid("has no socket path")
        case _:
            raise invalid("has an unknown scheme")
    _check_broker_options(parts)
    return url


def _check_broker_options(parts: SplitResult) -> None:
    """Reject options with which kombu would fail at the first task."""
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    allowed = {"redis": set(), "rediss": _TLS_OPTIONS, "redis+socket": {"virtual_host"}}
    if parts.fragment or set(options) - allowed[parts.scheme]:
        raise invalid("has an unknown option")
    requirement = options.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if requirement not in _TLS_REQUIREMENTS:
        raise invalid("has an ssl_cert_reqs that is not none, optional or required")
    if not re.fullmatch(r"/?\d+", options.get("virtual_host", "0")):
        raise invalid("has a database that is not a number")


def _database_url(url: str) -> str:
    database_parameters(url)
    return url


def database_parameters(url: str) -> dict[str, Any]:
    """Return the connection parameters of a PostgreSQL URL; raise an error if it is invalid."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise invalid("has an unknown scheme")
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(url))
    except ProgrammingError:
        raise invalid("is not a valid address of PostgreSQL") from None
    folder, slash, name = str(parameters.get("dbname", "")).rpartition("/")
    if slash and not parameters.get("host"):  # postgres://user@//folder/of/the/socket/name
        parameters |= {"host": folder, "dbname": name}
    elif slash:
        raise invalid("has more than a database name after the host")
    if not parameters.get("dbname"):
        raise invalid("names no database")
    _check_database_hosts(parameters)
    _check_database_options(parameters)
    return parameters


def _check_database_hosts(parameters: dict[str, Any]) -> None:
    """Reject invalid hosts, such as the rest of an unescaped password, and invalid ports."""
    hosts = str(parameters.get("host", "")).split(",")
    if not all(not host or host.startswith("/") or _is_host(host) for host in hosts):
        message = "has no valid host; write @, / and % of a password as %40, %2F and %25"
        raise invalid(message)
    ports = str(parameters.get("port", "5432")).split(",")
    numbers = [int(port or 5432) if re.fullmatch(r"[0-9]*", port) else 0 for port in ports]
    if not all(0 < number <= _MAX_PORT for number in numbers) or len(ports) not in {1, len(hosts)}:
        raise invalid("has a port that is not a number from 1 to 65535")


def _check_database_options(parameters: dict[str, Any]) -> None:
    """Reject values with which libpq would fail to connect, and options that the product sets."""
    if str(parameters.get("sslmode", "prefer")) not in _SSL_MODES:
        raise invalid(f"has an sslmode other than {', '.join(sorted(_SSL_MODES))}")
    for name in ("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval"):
        if not re.fullmatch(r"[0-9]+", str(parameters.get(name, "0"))):
            raise invalid(f"has a {name} that is not a number")
    if "options" in parameters:
        raise invalid("has options, which the product sets itself")


def database_settings(url: str) -> dict[str, Any]:
    """Return the entry of DATABASES for a PostgreSQL URL."""
    parameters = database_parameters(url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    names |= {"HOST": "host", "PORT": "port"}
    settings = {name: parameters.pop(parameter, "") for name, parameter in names.items()}
    return settings | {"OPTIONS": parameters}


def _secret_key(secret: str) -> str:
    if secret and len(secret.encode()) < MIN_SECRET_BYTES:
        raise invalid(f"is shorter than {MIN_SECRET_BYTES} bytes")
    if secret and len(set(secret)) < MIN_SECRET_CHARACTERS:
        raise invalid(f"has fewer than {MIN_SECRET_CHARACTERS} different characters")
    return secret


def _store_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        message = "contains a space, a quote or another character that keys do not have"
        raise invalid(message)
    return key


def _bucket(name: str) -> str:
    if ".." in name or re.fullmatch(r"\d+(\.\d+){3}", name):
        raise invalid("is not the name of a bucket: two dots in a row, or an IP address")
    return name


def _whole_number(value: object) -> object:
    """Reject other spellings that Python accepts as numbers, such as 1_0 and 1.0."""
    if isinstance(value, str) and not re.fullmatch(r"\s*-?[0-9]+\s*", value):
        raise PydanticCustomError("whole_number", "is not a whole number")
    return value


def _absolute(path: str) -> str:
    if path and not path.startswith("/"):
        raise invalid("is not an absolute path")
    return path


def _split_list(value: object) -> object:
    if isinstance(value, str):
        return [item for item in map(str.strip, value.split(",")) if item]
    return value


Bucket = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
    AfterValidator(_bucket),
    Field(description="3 to 63 lower-case letters, digits, '-' and '.'"),
]
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
    Field(description="up to 64 letters, digits, '-', '_' and '.'"),
]
WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
Secret = Annotated[
    str,
    AfterValidator(_store_key),
    Field(repr=False, description="the key from the store, without spaces and quotes"),
]
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
    BeforeValidator(_split_list),
    Field(description="host names without scheme and port, separated by commas"),
]
Origins = Annotated[
    list[Annotated[str, AfterValidator(_origin)]],
    NoDecode,
    BeforeValidator(_split_list),
    Field(description="origins such as https://studio.example, separated by commas"),
]
