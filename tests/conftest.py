"""Real things for every test: SQLite files, a MySQL server if there is one, HTTP."""

from contextlib import ExitStack

import pytest

import config
from demo.user_service import UserService
from tests.support.databases import (
    ENGINES,
    application_on,
    autocommit,
    delete_all,
    engines_of,
    migrate,
    scratch_database,
)
from tests.support.processes import free_port
from tests.support.service import Service


@pytest.fixture(autouse=True, scope="session")
def environment():
    """Keep the developer's own settings out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        files = [f"{name}_FILE" for name in config.SECRETS]
        for name in (*config.SETTINGS, *files, "WEB_CONCURRENCY"):
            patch.delenv(name, raising=False)
        patch.setenv("CONFIGURATION_SETUP", "config.DevelopmentConfig")
        patch.setenv("SQLALCHEMY_ECHO", "false")
        patch.setenv("USER_SERVICE_TIMEOUT", "30")  # seconds: enough on a slow machine
        yield


@pytest.fixture(scope="session", params=ENGINES)
def engine_name(request):
    return request.param


@pytest.fixture
def new_database(engine_name, tmp_path):
    """The URL of an empty database, dropped after the test."""
    with scratch_database(engine_name, tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def shared_app(engine_name, user_service, tmp_path_factory):
    with scratch_database(engine_name, tmp_path_factory.mktemp("database")) as url:
        migrate(url)
        with application_on(url, USER_SERVICE_URL=user_service.url) as app:
            yield app


@pytest.fixture
def app(shared_app):
    """The application on a migrated database without orders."""
    shared_app.config["ORDERS_REQUIRE_ADMIN"] = False
    for engine in engines_of(shared_app):
        engine.dispose()  # another test may have killed its connections
    delete_all(shared_app)
    return shared_app


@pytest.fixture
def without_database(user_service):
    """A client of an application whose database is down."""
    url = f"mysql+pymysql://root@127.0.0.1:{free_port()}/none"
    with application_on(url, USER_SERVICE_URL=user_service.url) as app:
        yield app.test_client()


@pytest.fixture
def server(app):
    """A connection of the test's own to the application's database."""
    with autocommit(engines_of(app)[0].url) as connection:
        yield connection


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def context(app):
    """The application's context, as in a shell."""
    with app.app_context():
        yield


@pytest.fixture(scope="session")
def user_service():
    with UserService().start() as service:
        try:
            yield service
        finally:
            service.shutdown()


@pytest.fixture(autouse=True)
def usual_answers(user_service):
    user_service.reset()


@pytest.fixture
def user(user_service):
    return user_service.add("somebody")


@pytest.fixture
def users(user_service):
    return [user_service.add(f"shopper{n}") for n in range(4)]


@pytest.fixture
def login(user):
    """The headers of a user without orders."""
    return {"Authorization": f"Basic {user['api_key']}"}


@pytest.fixture
def start(user_service, tmp_path):
    """Start instances of the service, which end with the test."""
    with ExitStack() as running:

        def start(url, **settings):
            service = Service(url, user_service.url, tmp_path / "service.log", **settings)
            return running.enter_context(service)

        yield start
