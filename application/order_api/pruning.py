"""Expired idempotency keys are deleted now and then, and all of them by ``flask keys prune``."""

import random
from datetime import timedelta
from functools import partial
from logging import Logger

import click
from flask import Response, current_app
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import DBAPIError

from application.database import db
from application.database.transactions import retried
from application.models import IdempotencyKey

from . import order_api_blueprint

CHANCE = 0.01  # for each stored answer
LIMIT = 1000  # keys; more than are added until the next time, so the table does not grow


def prune_now_and_then(response: Response) -> None:
    """Delete expired keys now and then, after the response has been sent: no caller waits."""
    if random.random() < CHANCE:
        response.call_on_close(partial(_prune_some, db.engine, _ttl(), current_app.logger))


order_api_blueprint.cli.help = "Idempotency keys."


@order_api_blueprint.cli.command("prune")
def prune() -> None:
    """Delete all expired idempotency keys."""
    engine, ttl, deleted = db.engine, _ttl(), 0
    try:
        while some := retried(_delete)(engine, ttl):
            deleted += some
    except DBAPIError as error:
        raise click.ClickException(f"The database cannot be used: {error.orig}") from error
    click.echo(f"Expired idempotency keys deleted: {deleted}")


def _ttl() -> timedelta:
    return timedelta(seconds=current_app.config["IDEMPOTENCY_KEY_TTL"])


def _prune_some(engine: Engine, ttl: timedelta, logger: Logger) -> None:
    try:
        _delete(engine, ttl)
    except DBAPIError as error:  # the next one will delete them
        logger.warning("expired idempotency keys are not deleted: %s", error.orig)


def _delete(engine: Engine, ttl: timedelta) -> int:
    """Delete the keys that are older; LIMIT at once, on SQLite all. Return how many."""
    with engine.begin() as connection:
        now = connection.execute(select(func.now())).scalar_one()
        expired = delete(IdempotencyKey).where(IdempotencyKey.date_added < now - ttl)
        return connection.execute(expired.with_dialect_options(mysql_limit=LIMIT)).rowcount
