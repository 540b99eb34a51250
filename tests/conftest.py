"""Real things for every test: SQLite files, a MySQL server where one is named, HTTP."""

import os
import re
import uuid
from contextlib import ExitStack, contextmanager

import pytest
from flask_migrate import upgrade
from sqlalchemy import NullPool, create_engine, delete, make_url, text

import config
from application import create_app, db
from application.models import Order, OrderItem
from application.order_api.idempotency import IdempotencyKey
from tests.service import Service, free_port
from demo.user_service import UserService

MYSQL = os.environ.get("TEST_DATABASE_URL")
ENGINES = [
    "sqlite",
    pytest.param(
        "mysql", marks=pytest.mark.skipif(not MYSQL, reason="TEST_DATABASE_URL is not set")
    ),
]


@pytest.fixture(autouse=True, scope="session")
def environment():
    """Keep the developer's own settings out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in dir(config.ProductionConfig) if name.isupper()]:
            patch.delenv(name, raising=False)
        patch.setenv("CONFIGURATION_SETUP", "config.DevelopmentConfig")
        patch.setenv("SQLALCHEMY_ECHO", "false")
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
    with (
        scratch_database(engine_name, tmp_path_factory.mktemp("database")) as url,
        application_on(url, USER_SERVICE_URL=user_service.url) as app,
    ):
        with app.app_context():
            upgrade()
        yield app


@contextmanager
def scratch_database(engine_name, folder):
    name = f"order_test_{uuid.uuid4().hex[:12]}"
    if engine_name == "sqlite":
        yield f"sqlite:///{folder / name}.db"
        return
    server = create_engine(MYSQL, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(MYSQL).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))


@contextmanager
def application_on(url, **settings):
    app = create_app({"DATABASE_URL": url, **settings})
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def without_database(user_service):
    """A client of an application whose database is down."""
    url = f"mysql+pymysql://root@127.0.0.1:{free_port()}/none"
    with application_on(url, USER_SERVICE_URL=user_service.url) as app:
        yield app.test_client()


@pytest.fixture
def app(shared_app):
    """The application on a migrated database with no orders."""
    shared_app.config["ORDERS_REQUIRE_ADMIN"] = False
    with shared_app.app_context():
        db.engine.dispose()  # connections that another test may have killed
    forget_all(shared_app)
    return shared_app


def forget_all(app):
    """Empty the tables."""
    with app.app_context():
        for model in (OrderItem, Order, IdempotencyKey):
            db.session.execute(delete(model))
        db.session.commit()


@pytest.fixture
def server(app):
    """A connection of somebody else's to the application's own database."""
    with app.app_context():
        url = db.engine.url
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as other:
        yield other


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="session")
def user_service():
    with UserService().start() as service:
        yield service
        service.shutdown()


@pytest.fixture(autouse=True)
def usual_answers(user_service):
    user_service.reset()


@pytest.fixture
def user(user_service):
    return user_service.add("somebody")


@pytest.fixture
def login(user):
    """The headers of a user without orders."""
    return {"Authorization": f"Basic {user['api_key']}"}


def linked_pages(client, url, **options):
    """Return the lists to which the Links lead, from the URL's own on."""
    pages = []
    while url:
        answer = client.get(url, **options)
        pages.append(answer.json)
        link = answer.headers.get("Link")
        url = link and re.fullmatch('<(.+)>; rel="next"', link)[1]
    return pages


@pytest.fixture
def start(user_service, tmp_path):
    """Start instances of the service, which end with the test."""
    with ExitStack() as running:

        def start(url, **settings):
            service = Service(url, user_service.url, tmp_path / "service.log", **settings)
            return running.enter_context(service)

        yield start
