"""The settings, and what stops a start."""

import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest
import requests
from sqlalchemy import URL, make_url

import config
from application.database.url import parse
from tests.support.api import show
from tests.support.databases import application_on, migrate, mysql_database
from tests.support.gunicorn import copy_of_the_service, run_gunicorn
from tests.support.processes import free_port, until

UNUSABLE = "Error: The database of DATABASE_URL cannot be used"


@pytest.fixture
def production(monkeypatch):
    monkeypatch.setenv("CONFIGURATION_SETUP", "config.ProductionConfig")
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://user:secret@db/orders")
    for name in ("SQLALCHEMY_ECHO", "USER_SERVICE_TIMEOUT"):  # the tests' own
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("production")
def test_in_production_administrators_list_all_orders_and_users_are_cached(
    tmp_path, user_service, login
):
    url = f"sqlite:///{tmp_path}/order.db"
    migrate(url)
    with application_on(url, USER_SERVICE_URL=user_service.url) as app:
        client = app.test_client()
        assert client.get("/api/orders", headers=login).status_code == 403
        assert show(client, login).status_code == 200
    assert len(user_service.asked) == 1


def test_the_environment_overrides_the_defaults(monkeypatch):
    monkeypatch.setenv("USER_SERVICE_TIMEOUT", "0.5")
    monkeypatch.setenv("ORDERS_REQUIRE_ADMIN", "TRUE")
    settings = config.load()
    assert settings["USER_SERVICE_TIMEOUT"] == 0.5
    assert settings["ORDERS_REQUIRE_ADMIN"] is True


def test_the_environment_sets_nothing_but_settings(monkeypatch):
    monkeypatch.setenv("PROPAGATE_EXCEPTIONS", "true")
    monkeypatch.setenv("SQLALCHEMY_BINDS", "other")
    settings = config.load()
    assert settings["PROPAGATE_EXCEPTIONS"] is False
    assert "SQLALCHEMY_BINDS" not in settings


@pytest.mark.usefixtures("production")
def test_an_empty_value_counts_as_unset(monkeypatch):
    unset = config.load()
    for name in config.SETTINGS:
        if name != "DATABASE_URL":
            monkeypatch.setenv(name, "")
    assert config.load() == unset
    monkeypatch.setenv("CONFIGURATION_SETUP", " ")
    assert config.load() == unset


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("password", ["p@ss:w/o?r#d", "%41", "$HOME'\"\\", " a +b "])
def test_a_password_of_its_own_needs_no_encoding(monkeypatch, password):
    monkeypatch.setenv("DATABASE_PASSWORD", f"{password}\n")  # as many a file that holds one
    settings = config.load()
    url = parse(settings["DATABASE_URL"], settings["DATABASE_PASSWORD"])
    assert url == URL.create("mysql+pymysql", "user", password, "db", database="orders")


@pytest.mark.usefixtures("production")
def test_a_secret_may_be_in_a_file(monkeypatch, tmp_path):
    monkeypatch.delenv("DATABASE_URL")
    for name, text in (
        ("DATABASE_URL", "mysql+pymysql://user@db/orders"),
        ("DATABASE_PASSWORD", " p "),
    ):
        (tmp_path / name).write_text(f"{text}\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    settings = config.load()
    url = parse(settings["DATABASE_URL"], settings["DATABASE_PASSWORD"])
    assert url == URL.create("mysql+pymysql", "user", " p ", "db", database="orders")
    monkeypatch.setenv("DATABASE_PASSWORD", "")  # as a compose file may leave it
    assert config.load() == settings


def test_a_reload_does_not_read_the_files_again(tmp_path, start):
    """A secret may be replaced at that moment; an instance that is restarted reads it."""
    file = tmp_path / "url"
    file.write_text(f"sqlite:///{tmp_path}/order.db")
    service = start("", DATABASE_URL_FILE=str(file))
    file.unlink()
    before = service.workers()
    os.kill(service.pid, signal.SIGHUP)
    until(lambda: not set(before) & set(service.workers()) and service.all_serve())
    assert requests.get(f"{service.url}/api/orders", timeout=60).ok


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"database": "order_test_missing"}, "Unknown database"),
        ({"username": "nobody", "password": "secret"}, "Access denied"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(tmp_path, change, fault):
    with mysql_database(tmp_path) as url:
        wrong = make_url(url).set(**change).render_as_string(hide_password=False)
        message = last_message(run_gunicorn(tmp_path, DATABASE_URL=wrong))
    assert message.startswith(f"{UNUSABLE}: ")
    assert fault in message


def test_a_database_that_can_only_be_read_is_one_line(tmp_path):
    database = tmp_path / "order.db"
    sqlite3.connect(database).close()
    database.touch()
    url = f"sqlite:///file:{database}?mode=ro&uri=true"
    message = last_message(run_gunicorn(tmp_path, DATABASE_URL=url))
    assert message == f"{UNUSABLE}: attempt to write a readonly database"


def test_a_folder_of_the_database_that_cannot_be_made_is_one_line(tmp_path):
    project = copy_of_the_service(tmp_path)
    (project / "instance").touch()
    ended = run_gunicorn(tmp_path, cwd=project, DATABASE_URL="sqlite:///order.db")
    assert last_message(ended) == f"DATABASE_URL: cannot make {project / 'instance'}: File exists"


def last_message(ended):
    """Return what the last line of a failed start says."""
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout
    assert "secret" not in ended.stdout
    return json.loads(ended.stdout.splitlines()[-1])["message"]


@pytest.mark.parametrize("command", [["flask", "run"], ["flask", "db", "upgrade"]])
def test_a_command_ends_with_one_line_about_a_bad_value(command):
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=config.ROOT,
        env=os.environ | {"DATABASE_URL": "sqlite://"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "CRITICAL DATABASE_URL must name a file, as in sqlite:////folder/file.db [-]" in line


def test_an_upgrade_without_a_database_ends_with_one_line():
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "db", "upgrade"],
        cwd=config.ROOT,
        env=os.environ | {"DATABASE_URL": f"mysql+pymysql://root@127.0.0.1:{free_port()}/orders"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"ERROR {UNUSABLE}: (2003, " in line
