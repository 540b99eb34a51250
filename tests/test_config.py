"""The settings, and what stops a start."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import URL, make_url

import config


@pytest.fixture
def production(monkeypatch):
    monkeypatch.setenv("CONFIGURATION_SETUP", "config.ProductionConfig")
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://user:secret@db/orders")
    for name in ("SQLALCHEMY_ECHO", "USER_SERVICE_TIMEOUT"):  # the tests' own
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("production")
def test_production_has_its_own_defaults():
    settings = config.load()
    assert settings["USER_SERVICE_URL"] == "http://user-service:5001"
    assert settings["USER_CACHE_TTL"] == 10
    assert settings["ORDERS_REQUIRE_ADMIN"] is True
    assert settings["SQLALCHEMY_ECHO"] is False


def test_the_environment_overrides_the_defaults(monkeypatch):
    monkeypatch.setenv("USER_SERVICE_TIMEOUT", "0.5")
    monkeypatch.setenv("ORDERS_REQUIRE_ADMIN", "TRUE")
    settings = config.load()
    assert settings["USER_SERVICE_TIMEOUT"] == 0.5
    assert settings["ORDERS_REQUIRE_ADMIN"] is True


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("password", ["p@ss:w/o?r#d", "%41", "$HOME'\"\\", " a +b "])
def test_a_password_of_its_own_needs_no_encoding(monkeypatch, password):
    monkeypatch.setenv("DATABASE_PASSWORD", f"{password}\n")  # as many a file that holds one
    url = make_url(config.load()["DATABASE_URL"])
    assert url == URL.create("mysql+pymysql", "user", password, "db", database="orders")


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONFIGURATION_SETUP", "config.Nothing"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "not a url with secret"),
        ("DATABASE_URL", "mysql://user:secret@db/orders"),
        ("DATABASE_URL", "oracle://user:secret@db/orders"),
        ("USER_SERVICE_URL", "user-service"),
        ("USER_SERVICE_URL", "ftp://user-service"),
        ("USER_SERVICE_URL", "http://[secret"),
        ("USER_SERVICE_TIMEOUT", "abc"),
        ("USER_SERVICE_TIMEOUT", "0"),
        ("USER_SERVICE_TIMEOUT", "inf"),
        ("USER_CACHE_TTL", "-1"),
        ("USER_CACHE_TTL", "nan"),
        ("ORDERS_REQUIRE_ADMIN", "perhaps"),
        ("MIGRATE_ON_START", ""),
    ],
)
def test_a_bad_value_stops_the_start_with_one_line_that_names_it(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stop:
        config.load()
    line = str(stop.value)
    assert line.startswith(name)
    assert "\n" not in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("USER_SERVICE_TIMEOUT", "abc", "USER_SERVICE_TIMEOUT must be a number"),
        ("DATABASE_URL", "sqlite:////no/folder.db", "database of DATABASE_URL cannot be used"),
    ],
)
def test_the_server_does_not_start_and_says_why_in_one_line(name, value, line):
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", "run:app", "-b", "127.0.0.1:0"],
        cwd=config.ROOT,
        env=os.environ | {name: value},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode != 0
    assert line in result.stderr
    assert "Traceback" not in result.stderr


def test_a_password_for_a_file_stops_the_start_with_one_line(monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    with pytest.raises(SystemExit, match=r"^DATABASE_PASSWORD needs .+ not a file$"):
        config.load()
