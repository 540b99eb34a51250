"""A MariaDB server whose defaults are not those that the service needs."""

import json
import time
import uuid

import pytest
import requests
import sqlalchemy as sa
from flask_migrate import check, upgrade

from application import db
from tests.support.api import DATABASE_UNAVAILABLE
from tests.support.course import SUMS, insert_course_data, replace_nulls
from tests.support.databases import application_on, execute, execute_on
from tests.support.gunicorn import run_gunicorn
from tests.support.mariadb import MariaDB
from tests.support.needs import need_program
from tests.support.shopper import Shopper

OUR_TABLES = sa.text(
    "SELECT table_name, engine, table_collation FROM information_schema.tables"
    " WHERE table_schema = DATABASE() ORDER BY 1"
)

CHANGED = {  # to what would change a statement's meaning, result or fate
    "default_storage_engine": "MyISAM",
    "sql_mode": "'ORACLE,EMPTY_STRING_IS_NULL'",
    "time_zone": "'+05:00'",
    "sql_safe_updates": "ON",
    "sql_select_limit": "1",
    "max_join_size": "1",  # which turns sql_big_selects off
    "sql_auto_is_null": "ON",
    "foreign_key_checks": "OFF",
    "unique_checks": "OFF",
    "completion_type": "'RELEASE'",
    "autocommit": "OFF",
    "wait_timeout": "1",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    need_program("mariadbd")
    options = "--log-bin", "--server-id=1", "--binlog-format=MIXED"
    server = MariaDB(tmp_path_factory.mktemp("server"), *options).start()
    yield server
    server.kill()


@pytest.fixture
def url(server):
    """An empty database of that server, in latin1."""
    name = f"order_test_{uuid.uuid4().hex[:12]}"
    execute_on(server.url, f"CREATE DATABASE {name} CHARACTER SET latin1")
    yield sa.make_url(server.url).set(database=name).render_as_string(hide_password=False)
    changed = ", ".join(f"{name} = DEFAULT" for name in [*CHANGED, "binlog_format"])
    usable = f"{server.url}?init_command=SET SESSION completion_type = 0"
    execute_on(usable, f"SET GLOBAL {changed}")


@pytest.fixture
def context(url):
    """An application's context."""
    with application_on(url) as app, app.app_context():
        yield


def engines():
    with db.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(OUR_TABLES)}


@pytest.mark.usefixtures("context")
def test_new_tables_are_innodb_and_binary(url):
    execute_on(url, "SET GLOBAL default_storage_engine = MyISAM")
    upgrade()
    with db.engine.connect() as connection:
        tables = {row[0]: row[1:] for row in connection.execute(OUR_TABLES)}
    assert tables.pop("alembic_version")[0] == "InnoDB"  # Alembic's own: ASCII in any character set
    assert tables == dict.fromkeys(db.metadata.tables, ("InnoDB", "utf8mb4_bin"))
    check()


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("revision", ["0001", "head"])
def test_tables_of_another_engine_are_converted_before_anything_else(url, revision, caplog):
    upgrade(revision="0001")
    insert_course_data()
    replace_nulls()
    before = execute(SUMS)
    upgrade(revision=revision)
    execute("ALTER TABLE order_item DROP FOREIGN KEY order_item_ibfk_1")
    for table in engines():
        execute(f"ALTER TABLE `{table}` ENGINE = MyISAM")

    caplog.set_level("INFO")
    upgrade()

    assert set(engines().values()) == {"InnoDB"}
    assert "Table order: converting it from MyISAM to InnoDB" in caplog.messages
    assert execute(SUMS) == before
    check()


@pytest.mark.parametrize(
    "names", [["sql_mode"], [*CHANGED]], ids=["ORACLE", "all that may be changed"]
)
def test_variables_that_change_meanings_change_nothing(url, start, users, names):
    """On an empty database, so in migrations, too."""
    execute_on(url, "SET GLOBAL " + ", ".join(f"{name} = {CHANGED[name]}" for name in names))
    service = start(url)
    shopper = Shopper(service.url, users[0])
    for product in (7, 8, 9):
        assert shopper.send("POST", "/add-item", {"product_id": product, "qty": 1}).ok
    assert len(shopper.cart().json()["result"]["items"]) == 3
    answers = [shopper.add(), shopper.add("a-key"), shopper.add("a-key"), shopper.checkout()]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[3].json()["result"]["items"][3]["quantity"] == 2
    assert len(requests.get(f"{service.url}/api/orders", timeout=60).json()[0]["items"]) == 4
    assert requests.get(f"{service.url}/readyz", timeout=60).json()["message"] == "Ready"
    time.sleep(2)  # longer than the server's own wait_timeout
    assert shopper.add().ok


def test_a_log_that_refuses_writes_is_seen_by_the_probe_which_names_the_variable(url, start, users):
    """InnoDB refuses it under READ COMMITTED."""
    service = start(url)
    execute_on(url, "SET GLOBAL binlog_format = STATEMENT")
    assert Shopper(service.url, users[0]).cart().status_code == 200
    probe = requests.get(f"{service.url}/readyz", timeout=60)
    assert (probe.status_code, probe.json()["database"]) == (503, "unavailable")
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    (line,) = [line["message"] for line in lines if line["message"].startswith("readiness")]
    assert "BINLOG_FORMAT = STATEMENT" in line


@pytest.fixture
def unknown_login(url):
    """A URL whose user logs in by a plugin that needs a package that is not installed."""
    execute_on(url, "INSTALL SONAME 'auth_ed25519'")
    user = "somebody"
    execute_on(url, f"CREATE USER {user}@localhost IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
    login = sa.make_url(url).set(username=user, password="secret")
    yield login.render_as_string(hide_password=False)
    execute_on(url, f"DROP USER {user}@localhost")


def test_a_login_that_the_driver_does_not_know_is_503_and_its_reason_is_logged(
    unknown_login, start, users
):
    """PyMySQL raises RuntimeError if a plugin's package is not installed."""
    service = start(unknown_login, MIGRATE_ON_START="false")
    answer = Shopper(service.url, users[0]).cart()
    assert (answer.status_code, answer.json()) == (503, DATABASE_UNAVAILABLE)
    assert "ed25519" in service.log.read_text()
    assert requests.get(f"{service.url}/readyz", timeout=60).status_code == 503


def test_migrations_refuse_such_a_login_in_one_line(unknown_login, tmp_path):
    ended = run_gunicorn(tmp_path, DATABASE_URL=unknown_login, LOG_JSON="false")
    assert ended.returncode == 1
    last = ended.stdout.splitlines()[-1]
    assert "The database of DATABASE_URL cannot be used: (2061, " in last
    assert "RuntimeError: 'pynacl' package is required for ed25519_password" in last
    assert "Traceback" not in ended.stdout
