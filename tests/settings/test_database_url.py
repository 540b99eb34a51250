"""DATABASE_URL and its options, as far as the drivers can use them."""

from pathlib import Path

import pytest
import requests
from sqlalchemy import make_url

from application.database.url import parse
from tests.support.databases import execute_on, mysql_database


@pytest.mark.parametrize(
    ("url", "name", "database"),
    [
        ("mysql+pymysql://u%40x:p%40%25%2F@h/d", "u@x", "d"),
        ("mysql+pymysql://u@x:p@h/d", "u@x", "d"),  # works too
        ("mariadb+pymysql://u:a:/?#[]@h:3307/d", "u", "d"),
        ("mysql+pymysql://u@/d?unix_socket=/run/mysqld/mysqld.sock", "u", "d"),
        ("mysql+pymysql://u:p@h/d?ssl_disabled=true&charset=utf8mb4&program_name=x", "u", "d"),
        ("mysql+pymysql://u:p@h/d?ssl_verify_cert=true", "u", "d"),
        ("sqlite:///order.db?cached_statements=50", None, "order.db"),
        ("sqlite:////tmp/a@b 100%.db", None, "/tmp/a@b 100%.db"),
        ("sqlite:///file:order.db?mode=rw&uri=true", None, "file:order.db"),
    ],
)
def test_every_url_that_the_drivers_can_use_is_accepted(url, name, database):
    parsed = parse(url)
    assert (parsed.username, parsed.database) == (name, database)
    # MariaDB's URLs, too: the models' types and the tables' options are named after MySQL.
    assert parsed.get_backend_name() in {"sqlite", "mysql"}


def test_files_of_tls_are_accepted(tmp_path):
    ca = Path(requests.certs.where())
    assert parse(f"mysql+pymysql://u:p@h/d?ssl_ca={ca}").query == {"ssl_ca": str(ca)}


@pytest.mark.parametrize("password", ["p@ss/w%41rd", "é", "пароль", "€ 密"])
def test_any_password_works(tmp_path, password):
    with mysql_database(tmp_path) as url:
        user = {"username": make_url(url).database, "password": password}
        execute_on(url, f"CREATE USER {user['username']}@'%' IDENTIFIED BY '{password}'")
        theirs = make_url(url).set(**user, database="information_schema")  # open to everybody
        try:
            parsed = parse(theirs.render_as_string(hide_password=False))
            assert execute_on(parsed, "SELECT 1") == 1
        finally:
            execute_on(url, f"DROP USER {user['username']}@'%'")
