"""A MariaDB server whose defaults are not those that the service needs."""

import uuid

import pytest
import sqlalchemy as sa
from flask_migrate import check, upgrade

from application import db
from tests.support.course import SUMS, insert_course_data, replace_nulls
from tests.support.databases import application_on, execute, execute_on
from tests.support.mariadb import MariaDB
from tests.support.needs import need_program
from tests.support.shopper import Shopper

OUR_TABLES = sa.text(
    "SELECT table_name, engine, table_collation FROM information_schema.tables"
    " WHERE table_schema = DATABASE() ORDER BY 1"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    need_program("mariadbd")
    server = MariaDB(tmp_path_factory.mktemp("server")).start()
    yield server
    server.kill()


@pytest.fixture
def url(server):
    """An empty database of that server, in latin1."""
    name = f"order_test_{uuid.uuid4().hex[:12]}"
    execute_on(server.url, f"CREATE DATABASE {name} CHARACTER SET latin1")
    yield sa.make_url(server.url).set(database=name).render_as_string(hide_password=False)
    execute_on(server.url, "SET GLOBAL default_storage_engine = InnoDB, sql_mode = DEFAULT")


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


@pytest.mark.parametrize("mode", ["ORACLE", "ORACLE,EMPTY_STRING_IS_NULL"])
def test_sql_modes_that_change_meanings_change_nothing(url, start, users, mode):
    execute_on(url, f"SET GLOBAL sql_mode = '{mode}'")
    shopper = Shopper(start(url).url, users[0])
    answers = [shopper.add(), shopper.add("a-key"), shopper.add("a-key"), shopper.checkout()]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[3].json()["result"]["items"][0]["quantity"] == 2
