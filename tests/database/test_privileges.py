"""The privileges on a server, as docs/deployment.md lists them: no more are needed."""

import re

import pytest
from flask_migrate import downgrade, stamp, upgrade
from sqlalchemy import make_url

import config
from tests.support.api import CHECKOUT, add, show
from tests.support.course import insert_course_data
from tests.support.databases import application_on, execute_on, migrate, mysql_only

pytestmark = mysql_only
ROW = re.compile(r"^\| (the service|migrations) \|.*\| ([A-Z, ]+) \|$", re.MULTILINE)
GRANTS = dict(ROW.findall((config.ROOT / "docs" / "deployment.md").read_text()))


@pytest.fixture
def login_with(new_database):
    """Make a user with privileges, and return the database's URL for that user."""
    name = make_url(new_database).database
    users = []

    def login_with(privileges):
        user = f"{name[-20:]}_{len(users)}"
        users.append(user)
        execute_on(new_database, f"CREATE USER {user}@'%' IDENTIFIED BY 'secret'")
        execute_on(new_database, f"GRANT {privileges} ON {name}.* TO {user}@'%'")
        url = make_url(new_database).set(username=user, password="secret")
        return url.render_as_string(hide_password=False)

    yield login_with
    for user in users:
        execute_on(new_database, f"DROP USER {user}@'%'")


def test_migrations_need_no_more(login_with):
    with application_on(login_with(GRANTS["migrations"])) as app, app.app_context():
        upgrade()
        downgrade(revision="0001")
        insert_course_data()
        stamp(revision="0001", purge=True)
        upgrade()
        downgrade(revision="base")


def test_the_service_needs_no_more(login_with, new_database, user_service, login):
    migrate(new_database)
    url = login_with(GRANTS["the service"])
    with application_on(url, USER_SERVICE_URL=user_service.url) as app:
        with app.app_context():
            upgrade()  # nothing is pending
        client, key = app.test_client(), {"Idempotency-Key": "1"}
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json["message"]) == (200, "Ready")
        assert add(client, login).status_code == 200
        for _ in range(2):
            assert client.post(CHECKOUT, headers=login | key).status_code == 200
        assert show(client, login).status_code == 200
        assert len(client.get("/api/orders").json) == 1
        assert app.test_cli_runner().invoke(args=["keys", "prune"]).exit_code == 0


def test_a_probe_says_if_the_service_may_not_write(login_with, new_database):
    migrate(new_database)
    with application_on(login_with("SELECT")) as app:
        answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, "unavailable")
