"""What the tests of clusters share."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle

import pytest
from sqlalchemy import text

from tests.support.cluster import (
    ALL_PRIMARIES,
    DATABASE,
    GALERA,
    KIND,
    NODES,
    ONE_PRIMARY,
    database_on,
    one_writer,
)
from tests.support.databases import application_on, autocommit, delete_all, execute_on, migrate
from tests.support.primary import primary_of
from tests.support.races import THREADS

if len(NODES) != 3:
    raise pytest.UsageError("CLUSTER_URLS must name the three nodes of a cluster, one URL each")
ONLY_ON = {
    "test_migrations_of_a_group.py": {ALL_PRIMARIES},
    "test_reads.py": {GALERA, ALL_PRIMARIES},
    "test_stale_reads.py": {GALERA},
    "test_new_primary.py": {ONE_PRIMARY},
}
collect_ignore = [file for file, kinds in ONLY_ON.items() if KIND not in kinds]


def pytest_collection_modifyitems(items):
    """Kill a node after all other tests: it stays dead."""
    items.sort(key=lambda item: item.path.name == "test_killed_node.py")


@pytest.fixture(scope="session")
def nodes():
    """A migrated database of the cluster, as each node's URL."""
    with one_writer() as writer:
        execute_on(writer, f"DROP DATABASE IF EXISTS {DATABASE}")
        execute_on(writer, f"CREATE DATABASE {DATABASE}")
        migrate(database_on(writer))
    yield [database_on(node) for node in NODES]
    with one_writer() as writer:
        execute_on(writer, f"DROP DATABASE {DATABASE}")


@pytest.fixture(scope="session")
def urls(nodes, tmp_path_factory):
    """The database's URL for each of three instances."""
    if KIND != ONE_PRIMARY:
        yield nodes
        return
    with primary_of(nodes, tmp_path_factory.mktemp("primary")) as url:
        yield [url] * 3


@pytest.fixture
def app(urls, user_service):
    """An application through which the tests read the database."""
    with application_on(urls[0], USER_SERVICE_URL=user_service.url) as app:
        delete_all(app)
        yield app


@pytest.fixture
def services(urls, start, app):
    return [start(url) for url in urls]


@pytest.fixture
def slow_node(nodes):
    """A connection to the second node, which applies nothing until the tables are unlocked."""
    with autocommit(nodes[1]) as connection:
        if KIND == ALL_PRIMARIES:  # or UNLOCK TABLES would wait, too
            connection.execute(text("SET SESSION group_replication_consistency = 'EVENTUAL'"))
        connection.execute(text("FLUSH TABLES WITH READ LOCK"))
        try:
            yield connection
        finally:
            connection.execute(text("UNLOCK TABLES"))


@pytest.fixture
def at_once(urls, user_service):
    """Call a function with each of the arguments, 16 at a time, on every instance in turn."""
    with ExitStack() as running, ThreadPoolExecutor(THREADS) as threads:
        apps = [
            running.enter_context(application_on(url, USER_SERVICE_URL=user_service.url))
            for url in urls
        ]

        def at_once(function, arguments):
            calls = [
                threads.submit(function, app.test_client(), item)
                for app, item in zip(cycle(apps), arguments, strict=False)
            ]
            return [call.result() for call in calls]

        yield at_once
