"""Whether the process serves, and whether it is ready for callers: for probes and balancers."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app

from .database import db, retried

ENOUGH = 0.8  # seconds: a probe is answered within one, even by a database that hangs
# One thread each: of probes that find it waiting, none waits longer, and none for another part.
DATABASE, USER_SERVICE = (ThreadPoolExecutor(1) for _ in range(2))


def init_app(app: Flask) -> None:
    """Answer probes at /healthz and /readyz."""
    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)


def healthz() -> dict:
    """Say that the process serves; nobody else is asked."""
    return {"message": "Alive"}


def readyz() -> tuple[dict, int]:
    """Say of each part whether it is ready; 503 without the database or one of its migrations.

    Without user-service, too, the service has answers: for callers whom it remembers, at least.
    """
    app = current_app._get_current_object()
    revision = DATABASE.submit(current_revision, app)
    user_service = USER_SERVICE.submit(app.extensions["user_client"].ping)
    wait([revision, user_service], timeout=ENOUGH)
    database = state(revision)
    migrations = state_of_migrations(revision.result()) if database == "ok" else "unknown"
    ready = migrations in ("ok", "ahead")
    parts = {"database": database, "migrations": migrations, "user_service": state(user_service)}
    return {"message": "Ready" if ready else "Not ready", **parts}, 200 if ready else 503


def state(check: Future) -> str:
    if not check.done():
        check.cancel()  # where it has not begun
        return "no answer"
    if error := check.exception():
        current_app.logger.warning("readiness: %s", getattr(error, "orig", error))
    return "unavailable" if error else "ok"


@retried
def current_revision(app: Flask) -> str | None:
    with app.app_context(), db.engines["reader"].connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def state_of_migrations(revision: str | None) -> str:
    head, known = known_revisions()
    if revision == head:
        return "ok"
    # While replicas are replaced one by one, a newer one's migrations are no reason to stop.
    return "behind" if revision is None or revision in known else "ahead"


@cache
def known_revisions() -> tuple[str, set[str]]:
    config = current_app.extensions["migrate"].migrate.get_config()
    scripts = ScriptDirectory.from_config(config)
    return scripts.get_current_head(), {script.revision for script in scripts.walk_revisions()}
