"""The service's settings: the only reader of the environment, apart from gunicorn's own."""

import os
import re
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
    """What both configurations have in common; the type of a default is the setting's type."""

    DATABASE_PASSWORD = ""  # replaces DATABASE_URL's; unencoded, spaces count
    USER_SERVICE_TIMEOUT = 5.0  # seconds for the whole call
    IDEMPOTENCY_KEY_TTL = 24 * 60 * 60.0  # seconds for which an answer is kept, at least
    MIGRATE_ON_START = True
    API_DOCS = True  # /docs and /openapi.json
    SCRIPT_NAME = ""  # the path prefix of callers' requests
    TRUST_FORWARDED_PREFIX = False  # X-Forwarded-Prefix names the prefix
    PROMETHEUS_MULTIPROC_DIR = ""  # where gunicorn's workers count; gunicorn.conf.py sets it
    # Eight workers have 128 connections at most; MySQL and MariaDB allow 151 by default.
    WEB_CONCURRENCY = min(os.cpu_count() or 1, 8)  # gunicorn's workers
    MAX_CONTENT_LENGTH = 64 * 1024  # bytes of a request's body
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

    DATABASE_URL = ""  # required; database_url.py checks it
    USER_SERVICE_URL = "http://user-service:5001"
    USER_CACHE_TTL = 10.0
    ORDERS_REQUIRE_ADMIN = True
    SQLALCHEMY_ECHO = False
    LOG_JSON = True


CONFIGURATIONS = {f"config.{c.__name__}": c for c in (DevelopmentConfig, ProductionConfig)}
LARGEST = 2**31 - 1  # of any number: 68 years in seconds, which timeouts and dates can hold
PREFIX = re.compile(r"(/[\w.~-]+)*/?", re.ASCII)
ABOVE_ZERO = ("USER_SERVICE_TIMEOUT", "WEB_CONCURRENCY", "MAX_CONTENT_LENGTH")


def load(overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the active configuration's settings, each replaced by its environment variable.

    An empty variable counts as unset. ``overrides`` win over the environment. Raises SystemExit
    with one line that names the variable whose value cannot be used.
    """
    if ENV_FILE == "bad":
        raise SystemExit(".env must be a text file in UTF-8")
    active = _active()
    settings = {name: _setting(active, name) for name in dir(active) if name.isupper()}
    settings |= overrides or {}
    _check_user_service_url(settings["USER_SERVICE_URL"])
    if not PREFIX.fullmatch(settings["SCRIPT_NAME"]):
        raise SystemExit("SCRIPT_NAME must be a path, as in /shop")
    return settings


def log_as_json() -> bool:
    """Return LOG_JSON; production's default if it or CONFIGURATION_SETUP cannot be used."""
    try:
        return bool(_setting(_active(), "LOG_JSON"))
    except SystemExit:
        return ProductionConfig.LOG_JSON


def _active() -> type[Config]:
    active = os.environ.get("CONFIGURATION_SETUP", "").strip() or "config.ProductionConfig"
    if active not in CONFIGURATIONS:
        raise SystemExit(f"CONFIGURATION_SETUP must be one of {', '.join(CONFIGURATIONS)}")
    return CONFIGURATIONS[active]


def _setting(configuration: type[Config], name: str) -> Any:
    default = getattr(configuration, name)
    text = os.environ.get(name, "").strip("\r\n" if name == "DATABASE_PASSWORD" else None)
    return _convert(name, text, type(default)) if text else default


def _convert(name: str, text: str, kind: type) -> str | bool | float | int:
    if kind is str:
        return text
    if kind is bool:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise SystemExit(f"{name} must be true or false")
        return text.lower() in {"true", "1"}
    try:
        number: float | int = kind(text)
    except ValueError:
        number = -1
    if not 0 <= number <= LARGEST or (number == 0 and name in ABOVE_ZERO):
        least = "above 0, up" if name in ABOVE_ZERO else "from 0"
        kinds = "whole number" if kind is int else "number"
        raise SystemExit(f"{name} must be a {kinds} {least} to {LARGEST}")
    return number


def _check_user_service_url(text: str) -> None:
    try:
        url = parse_url(text)
    except LocationParseError:
        url = parse_url("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise SystemExit("USER_SERVICE_URL must be a URL, as in http://user-service:5001")


def logging_config(as_json: bool) -> dict[str, Any]:
    """Return what ``logging.config.dictConfig`` takes: one format for the whole process."""
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
        "root": {"level": "INFO", "handlers": ["console"]},
        "loggers": {
            "gunicorn.error": {"handlers": [], "propagate": True},
            "alembic.runtime.plugins": {"level": "WARNING"},
            # Flask's own server logs each request once more, with escape codes.
            "werkzeug": {"level": "WARNING"},
            # With a handler of its own, SQLALCHEMY_ECHO adds none.
            "sqlalchemy.engine.Engine": {"handlers": ["console"], "propagate": False},
        },
    }
