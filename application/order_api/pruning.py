"""Expired idempotency keys are deleted now and then, and all of them by ``flask keys prune``."""

import random
from datetime import datetime, timedelta
from functools import partial
from logging import Logger

import click
from flask import Response, current_app
from sqlalchemy import Engine, delete
from sqlalchemy.exc import DBAPIError

from application.database import db
from application.database.transactions import retried
from application.models import IdempotencyKey, utcnow

from . import order_api_blueprint

CHANCE = 0.01  # for each stored answer
LIMIT = 1000  # keys; more than are added until the next time, so the table does not grow


def prune_now_and_then(response: Response) -> None:
    """Delete expired keys now and then, after the response has been sent: no caller waits."""
    if random.random() < CHANCE:
        response.call_on_close(partial(_prune_some, db.engine, _oldest(), current_app.logger))


order_api_blueprint.cli.help = "Idempotency keys."


@order_api_blueprint.cli.command("prune")
def prune() -> None:
    """Delete all expired idempotency keys."""
    engine, oldest, deleted = db.engine, _oldest(), 0
    try:
        while some := retried(_delete)(engine, oldest):
            deleted += some
    except DBAPIError as error:
        raise click.ClickException(f"The database cannot be used: {error.orig}") from error
    click.echo(f"Expired idempotency keys deleted: {deleted}")


def _oldest() -> datetime:
    return utcnow() - timedelta(seconds=current_app.config["IDEMPOTENCY_KEY_TTL"])


def _prune_some(engine: Engine, oldest: datetime, logger: Logger) -> None:
    try:
        _delete(engine, oldest)
    except DBAPIError as error:  # the next one will delete them
        logger.warning("expired idempotency keys are not deleted: %s", error.orig)


def _delete(engine: Engine, oldest: datetime) -> int:
    """Delete the keys that are older; LIMIT at once, on SQLite all. Return how many."""
    expired = delete(IdempotencyKey).where(IdempotencyKey.date_added < oldest)
    with engine.begin() as connection:
        return connection.execute(expired.with_dialect_options(mysql_limit=LIMIT)).rowcount
