"""The service's settings: the only reader of the environment, apart from gunicorn's own."""

import os
from math import isfinite
from pathlib import Path
from typing import Any

from dotenv import load_dotenv
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

ROOT = Path(__file__).parent
load_dotenv(ROOT / ".env")


class Config:
    """What both configurations have in common; the type of a default is the setting's type."""

    DATABASE_PASSWORD = ""  # unencoded; replaces the one in DATABASE_URL
    USER_SERVICE_TIMEOUT = 5.0  # seconds for the whole call
    IDEMPOTENCY_KEY_TTL = 24 * 60 * 60.0  # seconds for which an answer is kept, at least
    MIGRATE_ON_START = True
    API_DOCS = True  # /docs and /openapi.json
    PROMETHEUS_MULTIPROC_DIR = ""  # where gunicorn's workers count; gunicorn.conf.py sets it
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

    DATABASE_URL = ""  # required
    USER_SERVICE_URL = "http://user-service:5001"
    USER_CACHE_TTL = 10.0
    ORDERS_REQUIRE_ADMIN = True
    SQLALCHEMY_ECHO = False
    LOG_JSON = True


CONFIGURATIONS = {f"config.{c.__name__}": c for c in (DevelopmentConfig, ProductionConfig)}


def load(overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the active configuration's settings, each replaced by its environment variable.

    ``overrides`` win over the environment. Raises SystemExit with one line that names the variable
    whose value cannot be used.
    """
    active = os.environ.get("CONFIGURATION_SETUP", "config.ProductionConfig")
    if active not in CONFIGURATIONS:
        raise SystemExit(f"CONFIGURATION_SETUP must be one of {', '.join(CONFIGURATIONS)}")
    configuration = CONFIGURATIONS[active]
    settings = {name: getattr(configuration, name) for name in dir(configuration) if name.isupper()}
    for name, default in settings.items():
        if name in os.environ:
            # A password may begin or end with a space; a file that holds one ends with a newline.
            ends = "\r\n" if name == "DATABASE_PASSWORD" else None
            settings[name] = _convert(name, os.environ[name].strip(ends), type(default))
    settings |= overrides or {}
    _check(settings)
    if password := settings["DATABASE_PASSWORD"]:
        url = make_url(settings["DATABASE_URL"]).set(password=password)
        settings["DATABASE_URL"] = url.render_as_string(hide_password=False)
    return settings


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
        raise SystemExit(f"{name} must be a number") from None
    if not isfinite(number) or number < 0:
        raise SystemExit(f"{name} must be a number that is not negative")
    return number


def _check(settings: dict[str, Any]) -> None:
    if settings["USER_SERVICE_TIMEOUT"] <= 0:
        raise SystemExit("USER_SERVICE_TIMEOUT must be a number above 0")
    if not settings["DATABASE_URL"]:
        raise SystemExit("DATABASE_URL must be set, as in mysql+pymysql://user:password@host/name")
    try:
        make_url(settings["DATABASE_URL"]).get_dialect().import_dbapi()
    except (ArgumentError, ImportError, ValueError):
        raise SystemExit("DATABASE_URL must be a URL of sqlite or mysql+pymysql") from None
    if settings["DATABASE_PASSWORD"] and settings["DATABASE_URL"].startswith("sqlite"):
        raise SystemExit("DATABASE_PASSWORD needs a DATABASE_URL with a server, not a file")
    try:
        url = parse_url(settings["USER_SERVICE_URL"])
    except LocationParseError:
        url = parse_url("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise SystemExit("USER_SERVICE_URL must be a URL, as in http://user-service:5001")


def logging_config(as_json: bool) -> dict[str, Any]:
    """Return what ``logging.config.dictConfig`` takes: one format for the whole process.

    Nothing of the application is named here, so that its mistakes can be logged.
    """
    text = {
        "()": "logging.Formatter",
        "fmt": "%(asctime)s %(levelname)s %(message)s [%(request_id)s]",
        "defaults": {"request_id": "-"},
    }
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
