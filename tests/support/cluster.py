"""The cluster that CLUSTER_URLS names, and what differs from one kind of cluster to another."""

import os
import re
import signal
import subprocess
from contextlib import contextmanager

from sqlalchemy import NullPool, create_engine, make_url, text

from tests.support.databases import autocommit, execute_on
from tests.support.primary import is_primary

NODES = os.environ.get("CLUSTER_URLS", "").split()
DATABASE = "order_cluster"
GALERA, ONE_PRIMARY, ALL_PRIMARIES = "Galera", "one primary", "all primaries"
# What a connection sets to read what the other nodes have committed.
UP_TO_DATE = {
    GALERA: "SET SESSION wsrep_sync_wait = 1",
    ONE_PRIMARY: "SET SESSION group_replication_consistency = 'BEFORE'",
    ALL_PRIMARIES: "SET SESSION group_replication_consistency = 'BEFORE'",
}


def kind_of(node: str) -> str:
    """Ask a node which kind of cluster it belongs to."""
    names = "wsrep_on", "group_replication_single_primary_mode"
    query = text(f"SHOW VARIABLES WHERE Variable_name IN {names}")
    with autocommit(node) as connection:
        settings = dict(connection.execute(query).all())
    if settings.get("wsrep_on") == "ON":
        return GALERA
    single = settings["group_replication_single_primary_mode"]
    return ONE_PRIMARY if single == "ON" else ALL_PRIMARIES


KIND = kind_of(NODES[0]) if NODES else None


def up_to_date(url: str) -> str:
    """Return the URL for connections that wait for what other nodes have committed."""
    return f"{url}?init_command={UP_TO_DATE[KIND]}"


def database_on(node: str, database: str = DATABASE) -> str:
    """Return the URL of a database on a node."""
    return make_url(node).set(database=database).render_as_string(hide_password=False)


def primary() -> str:
    """Return the URL of the node that is the primary."""
    return next(node for node in NODES if is_primary(create_engine(node, poolclass=NullPool)))


def make_primary(node: str) -> None:
    uuid = execute_on(node, "SELECT @@server_uuid")
    execute_on(node, f"SELECT group_replication_set_as_primary('{uuid}')")


@contextmanager
def one_writer():
    """Give the URL of a node that takes DDL; no other node takes a write meanwhile."""
    if KIND == GALERA:
        yield NODES[0]
    elif KIND == ONE_PRIMARY:
        yield primary()
    else:
        uuid = execute_on(NODES[0], "SELECT @@server_uuid")
        execute_on(NODES[0], f"SELECT group_replication_switch_to_single_primary_mode('{uuid}')")
        try:
            yield NODES[0]
        finally:
            execute_on(NODES[0], "SELECT group_replication_switch_to_multi_primary_mode()")


def kill(node: str) -> None:
    """End a node with SIGKILL. It must run on this machine."""
    port = make_url(node).port
    command = ["ss", "-Hltnp", f"sport = :{port}"]
    listeners = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    os.kill(int(re.search(r"pid=(\d+)", listeners)[1]), signal.SIGKILL)
