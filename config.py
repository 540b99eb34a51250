"""The service's settings: the only reader of the environment, apart from gunicorn's own."""

import logging
import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from dotenv import load_dotenv
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

ROOT = Path(__file__).parent
try:
    load_dotenv(ROOT / ".env", encoding="utf-8-sig")  # with or without a byte order mark
    ENV_FILE = "good"
except (OSError, ValueError):
    ENV_FILE = "bad"  # load() says so: then it can be logged
# prometheus_client counts there in every process that has it: gunicorn.conf.py sets it again.
COUNTS_FOLDER = os.environ.pop("PROMETHEUS_MULTIPROC_DIR", "").strip()


class Config:
    """What both configurations have in common. The environment may set what ``SETTINGS`` names."""

    PORT = 5003
    BIND_ADDRESS = ""  # all addresses of the host
    DATABASE_PASSWORD = ""  # replaces DATABASE_URL's; unencoded, spaces count
    USER_SERVICE_CA = os.environ.get("REQUESTS_CA_BUNDLE", "")  # none: the package certifi's
    USER_SERVICE_TIMEOUT = 5.0  # seconds for the whole call
    IDEMPOTENCY_KEY_TTL = 24 * 60 * 60.0  # seconds for which an answer is kept, at least
    MIGRATE_ON_START = True
    API_DOCS = True  # /docs and /openapi.json
    SCRIPT_NAME = ""  # the path prefix of callers' requests
    TRUST_FORWARDED_PREFIX = False  # X-Forwarded-Prefix names the prefix
    TRUST_FORWARDED_FOR = False  # X-Forwarded-For names the caller's address, for the log
    PROMETHEUS_MULTIPROC_DIR = ""  # where gunicorn's workers count; gunicorn.conf.py sets it
    MAX_CONTENT_LENGTH = 64 * 1024  # bytes of a request's body
    SEND_FILE_MAX_AGE_DEFAULT = 3600  # seconds for which browsers keep the files of /docs
    LOG_LEVEL = "INFO"
    PROPAGATE_EXCEPTIONS = False  # errors are answered in JSON in every configuration


class DevelopmentConfig(Config):
    """On a developer's machine: SQLite, every caller looked up, all SQL in the log."""

    DATABASE_URL = "sqlite:///order.db"  # in instance/
    USER_SERVICE_URL = "http://localhost:5001"
    USER_CACHE_TTL = 0.0  # seconds; 0: every request asks user-service
    ORDERS_REQUIRE_ADMIN = False
    SQLALCHEMY_ECHO = True
    LOG_JSON = False


class ProductionConfig(Config):
    """In a container beside user-service."""

    DATABASE_URL = ""  # required; application/database/url.py checks it
    USER_SERVICE_URL = "http://user-service:5001"
    USER_CACHE_TTL = 10.0
    ORDERS_REQUIRE_ADMIN = True
    SQLALCHEMY_ECHO = False
    LOG_JSON = True


CONFIGURATIONS = {f"config.{c.__name__}": c for c in (DevelopmentConfig, ProductionConfig)}
LARGEST = 2**31 - 1  # of most numbers: 68 years in seconds, which timeouts and dates can hold
SECRETS = {"DATABASE_URL", "DATABASE_PASSWORD"}  # may be in a file, which NAME_FILE names


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false", "1", "0"}:
        raise ValueError("must be true or false")
    return text.lower() in {"true", "1"}


def _number(
    kind: type[int] | type[float], above_zero: bool = False, largest: int = LARGEST
) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = -1
        if not 0 <= number <= largest or (above_zero and number == 0):
            name = "whole number" if kind is int else "number"
            least = "above 0, up" if above_zero else "from 0"
            raise ValueError(f"must be a {name} {least} to {largest}")
        return number

    return parse


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("must be an address, as in 127.0.0.1 or ::1") from None


def _certificates(text: str) -> str:
    try:
        ssl.create_default_context(cafile=text)
    except (OSError, ValueError):  # nothing in the file is a certificate, for example
        raise ValueError("must name a file of certificates in PEM") from None
    return text


def _service_url(text: str) -> str:
    try:
        url = parse_url(text)
    except LocationParseError:
        url = parse_url("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("must be a URL, as in http://user-service:5001")
    if (url.auth, url.query, url.fragment) != (None, None, None):
        raise ValueError("must have no user, password, query or fragment")
    if (url.path or "").rstrip("/").endswith("/api/user"):
        raise ValueError("must end before /api/user, which the service adds")
    return text


def _path_prefix(text: str) -> str:
    if not re.fullmatch(r"(/[\w.~-]+)*/?", text, re.ASCII):
        raise ValueError("must be a path, as in /shop")
    return text


def _log_level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return text.upper()


# Each reads its variable's text, and raises ValueError with the rule that the text breaks.
SETTINGS: dict[str, Callable[[str], Any]] = {
    "PORT": _number(int, above_zero=True, largest=65535),
    "BIND_ADDRESS": _address,
    "DATABASE_URL": str,
    "DATABASE_PASSWORD": str,
    "USER_SERVICE_URL": _service_url,
    "USER_SERVICE_CA": _certificates,
    "USER_SERVICE_TIMEOUT": _number(float, above_zero=True),
    "USER_CACHE_TTL": _number(float),
    "ORDERS_REQUIRE_ADMIN": _boolean,
    "SQLALCHEMY_ECHO": _boolean,
    "IDEMPOTENCY_KEY_TTL": _number(float),
    "MIGRATE_ON_START": _boolean,
    "API_DOCS": _boolean,
    "SCRIPT_NAME": _path_prefix,
    "TRUST_FORWARDED_PREFIX": _boolean,
    "TRUST_FORWARDED_FOR": _boolean,
    "PROMETHEUS_MULTIPROC_DIR": str,
    "MAX_CONTENT_LENGTH": _number(int, above_zero=True),
    "LOG_JSON": _boolean,
    "LOG_LEVEL": _log_level,
}


def load(overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the active configuration, with the environment's values in place of its own.

    An empty variable counts as unset. ``overrides`` win over the environment. Raises SystemExit
    with one line that names the variable whose value cannot be used.
    """
    if ENV_FILE == "bad":
        raise SystemExit(".env must be a text file in UTF-8")
    active = _active()
    constants = {name: getattr(active, name) for name in dir(active) if name.isupper()}
    constants["CONFIGURATION_SETUP"] = f"config.{active.__name__}"
    return constants | {name: _setting(active, name) for name in SETTINGS} | (overrides or {})


def address_and_port() -> tuple[str, int]:
    """Return where to listen; the address is "" for all. Raises SystemExit as load() does."""
    active = _active()
    return _setting(active, "BIND_ADDRESS"), _setting(active, "PORT")


def _active() -> type[Config]:
    active = os.environ.get("CONFIGURATION_SETUP", "").strip() or "config.ProductionConfig"
    if active not in CONFIGURATIONS:
        raise SystemExit(f"CONFIGURATION_SETUP must be one of {', '.join(CONFIGURATIONS)}")
    return CONFIGURATIONS[active]


def _setting(active: type[Config], name: str) -> Any:
    text = _text(name).strip("\r\n" if name == "DATABASE_PASSWORD" else None)
    try:
        return SETTINGS[name](text) if text else getattr(active, name)
    except ValueError as rule:
        raise SystemExit(f"{name} {rule}") from None


def _text(name: str) -> str:
    text = os.environ.get(name, "")
    file = os.environ.get(f"{name}_FILE", "").strip() if name in SECRETS else ""
    if not file:
        return text
    if text:
        raise SystemExit(f"{name} and {name}_FILE cannot both be set")
    try:
        text = Path(file).read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not in UTF-8"
        raise SystemExit(f"{name}_FILE must name a file that can be read: {reason}") from None
    if not text.strip():
        raise SystemExit(f"{name}_FILE must name a file that is not empty")
    return text


def logging_config() -> dict[str, Any]:
    """Return what ``logging.config.dictConfig`` takes: one format for the whole process.

    If a setting cannot be used, production's defaults apply until load() says so.
    """
    try:
        active = _active()
        as_json, level = _setting(active, "LOG_JSON"), _setting(active, "LOG_LEVEL")
    except SystemExit:
        as_json, level = True, "INFO"
    fmt = "%(asctime)s %(levelname)s %(message)s [%(request_id)s]"
    text = {"()": "logging.Formatter", "fmt": fmt, "defaults": {"request_id": "-"}}
    json = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(process)d %(levelname)s %(name)s %(message)s",
        "rename_fields": {"levelname": "level", "name": "logger"},
        "timestamp": True,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": json if as_json else text},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": level, "handlers": ["console"]},
        "loggers": {
            "gunicorn.error": {"handlers": [], "propagate": True},
            "alembic.runtime.plugins": {"level": "WARNING"},
            # Flask's own server logs each request once more, with escape codes.
            "werkzeug": {"level": "WARNING"},
            # With a handler of its own, SQLALCHEMY_ECHO adds none.
            "sqlalchemy.engine.Engine": {"handlers": ["console"], "propagate": False},
        },
    }


@contextmanager
def exit_logged() -> Iterator[None]:
    """Log the line with which a start ends, instead of printing it."""
    try:
        yield
    except SystemExit as end:
        if isinstance(end.code, str):
            logging.getLogger(__name__).critical(end.code)
            raise SystemExit(1) from None
        raise
