"""Probes: whether the process is alive, and whether it is ready for callers."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnClause, Update, column, false, inspect, table, text

from application.database import db
from application.database.error_codes import READ_ONLY, RETRY_AFTER, code

T = TypeVar("T")
REVISION = re.compile(r"\d{4}")  # a migration of this service, perhaps of a newer release


def init_app(app: Flask, dependencies: dict[str, Callable[[], None]]) -> None:
    """Answer probes at /healthz and /readyz.

    ``dependencies`` are calls that raise if a service is not there; /readyz tells of them.
    """
    app.extensions["dependencies"] = dependencies
    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)


def healthz() -> dict[str, str]:
    """Say that the process serves; checks no dependency."""
    return {"message": "Alive"}


def readyz() -> ResponseReturnValue:
    """Say of each dependency, within a second, whether it is ready.

    503 if the database is out of reach, read-only, or lacks a migration. Without another service
    it is still 200: whoever does not need it is served.
    """
    database, revision = _check(current_revision)
    migrations = migration_state(revision) if database == "ok" else "unknown"
    parts = {"database": database, "migrations": migrations}
    for name, dependency in current_app.extensions["dependencies"].items():
        parts[name], _ = _check(dependency)
    if migrations in ("ok", "ahead"):
        return {"message": "Ready", **parts}
    return {"message": "Not ready", **parts}, 503, {"Retry-After": str(RETRY_AFTER)}


def _check(dependency: Callable[[], T]) -> tuple[str, T | None]:
    """Return "ok" and the dependency's answer, or why there is none."""
    try:
        return "ok", dependency()
    except Exception as error:
        cause: BaseException | None = getattr(error, "orig", error)
        current_app.logger.warning("readiness: %s", cause)
        if code(cause) in READ_ONLY:
            return "read-only", None
        while cause and not isinstance(cause, TimeoutError):
            cause = cause.__context__
        return "no answer" if cause else "unavailable", None


def current_revision() -> str | None:
    """Return the revision to which the database is migrated, None for an empty database."""
    with db.engines["probe"].connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        has_tables = migration_state(revision) in ("ok", "ahead")
        if has_tables and connection.dialect.name != "sqlite":
            for write in _writes_of_nothing():
                connection.execute(write)
        return revision


@cache
def _writes_of_nothing() -> list[Update]:
    """Return an UPDATE of each table that changes and locks no row, but fails as a real one."""
    writes = []
    for ours in db.metadata.sorted_tables:
        key: ColumnClause[Any] = column(next(iter(ours.primary_key)).name)
        writes.append(table(ours.name, key).update().values({key: key}).where(false()))
    return writes


def lacks_migration() -> bool:
    """Return whether the database is behind this code's migrations; False if it does not tell."""
    database, revision = _check(current_revision)
    return database == "ok" and migration_state(revision) in ("behind", "foreign")


def migration_state(revision: str | None) -> str:
    """Compare a database's revision with this code's: "ok", "behind", "ahead" or "foreign"."""
    known = _known_revisions()
    if revision == known[0]:
        return "ok"
    if revision is None or revision in known:
        return "behind"
    # While replicas are replaced one by one, a newer one's migrations are no reason to stop.
    return "ahead" if REVISION.fullmatch(revision) else "foreign"


@cache
def _known_revisions() -> list[str]:
    """Return the revisions of this code's migrations, newest first."""
    config = current_app.extensions["migrate"].migrate.get_config()
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
