"""Retries by clients: the header ``Idempotency-Key`` of a POST.

The semantics are those of the IETF's draft-ietf-httpapi-idempotency-key-header-07 and, where the
draft leaves them open, of Stripe's idempotent requests: a key belongs to its user. Its first
outcome is stored, 404, 409 and 412 included; 400 and (unlike Stripe's) 5xx are not, so that the
caller can fix the request, or repeat it, under the same key.
"""

import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial, wraps
from hashlib import sha256
from logging import Logger
from typing import Any, ParamSpec

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue
from pymysql.constants import ER
from sqlalchemy import Engine, Row, String, Text, bindparam, delete, insert, select, update
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import coalesce
from werkzeug.exceptions import BadRequest, NotFound, PreconditionFailed, UnprocessableEntity

from application.cart import ItemNotFound, OrderEmpty
from application.database import Base, db
from application.failures import DUPLICATE, code
from application.models import utcnow
from application.transactions import execute

from .caller import current_user
from .fields import digests

P = ParamSpec("P")
HEADER = "Idempotency-Key"
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
CLAIM_ATTEMPTS = 3  # to insert a key; each waits as long as for any lock (database.MYSQL)
PRUNE_CHANCE = 0.01  # per stored answer; since up to PRUNE_LIMIT go at once, the table shrinks
PRUNE_LIMIT = 1000
OUTCOMES = NotFound, PreconditionFailed, ItemNotFound, OrderEmpty  # errors that are stored


class RequestRunning(Exception):
    """The first request with this key has not ended yet."""


class IdempotencyKey(Base):
    """A user's key, the request that it stands for, and that request's answer."""

    __tablename__ = "idempotency_key"

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Digests: no collation takes two of them for one.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    meaning: Mapped[str | None] = mapped_column(String(64))
    # Replicas of the release before store and compare only this one, a digest of the bytes.
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(default=0)
    body: Mapped[str] = mapped_column(Text().with_variant(MEDIUMTEXT(), "mysql"), default="")
    etag: Mapped[str | None] = mapped_column(String(32))
    date_added: Mapped[datetime] = mapped_column(default=utcnow, index=True)


_table = Base.metadata.tables["idempotency_key"]
_this_key = _table.c.user_id == bindparam("of_user"), _table.c.key == bindparam("of_key")
_claim_key = insert(_table)
_digest = coalesce(_table.c.meaning, _table.c.request).label("digest")
_find_answer = select(_digest, *_table.c["status", "body", "etag"]).where(*_this_key)
_store_answer = update(_table).where(*_this_key)


def idempotent(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Answer a request that is repeated with its Idempotency-Key as it was answered first.

    Goes inside ``transaction``: the answer is stored together with the request's effect. Raises
    BadRequest for a malformed key, UnprocessableEntity for one that was used for another request,
    and RequestRunning if the first request does not end while the database waits for it.
    """

    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if "HTTP_IDEMPOTENCY_KEY" not in request.environ:
            return view(*args, **kwargs)
        user, key, asked = current_user(), _key(), digests()
        if not _claim(user.id, key, asked):
            return _repeat(execute(_find_answer, of_user=user.id, of_key=key).first(), asked)
        response = _outcome(view, *args, **kwargs)
        answer = {"status": response.status_code, "body": response.get_data(as_text=True)}
        answer["etag"] = response.headers.get("ETag")
        execute(_store_answer, of_user=user.id, of_key=key, **answer)
        if random.random() < PRUNE_CHANCE:
            oldest = utcnow() - timedelta(seconds=current_app.config["IDEMPOTENCY_KEY_TTL"])
            # After the response has been sent, so that no caller waits for it.
            response.call_on_close(partial(_prune, db.engine, oldest, current_app.logger))
        return response

    return run


def _key() -> str:
    key = request.headers[HEADER]
    if not VISIBLE_ASCII.fullmatch(key):
        raise BadRequest(f"{HEADER} must be 1 to 255 visible ASCII characters")
    return sha256(key.encode()).hexdigest()


def _claim(user_id: int, key: str, asked: dict[str, str], attempts: int = CLAIM_ATTEMPTS) -> bool:
    """Insert the key, so that other requests with it wait until this transaction ends."""
    try:
        execute(_claim_key, user_id=user_id, key=key, **asked)
    except DBAPIError as error:
        if code(error.orig) in DUPLICATE:
            return False
        if code(error.orig) != ER.LOCK_WAIT_TIMEOUT:
            raise
        if attempts == 1:
            raise RequestRunning(f"The request with this {HEADER} is still running") from error
        return _claim(user_id, key, asked, attempts - 1)
    return True


def _repeat(stored: Row[Any] | None, asked: dict[str, str]) -> Response:
    if stored is None:  # pruned since the insert failed
        raise RequestRunning(f"This {HEADER} has just expired")
    if stored.digest not in asked.values():
        raise UnprocessableEntity(f"{HEADER} has been used for another request")
    headers = {"Idempotent-Replayed": "true"} | ({"ETag": stored.etag} if stored.etag else {})
    return Response(stored.body, stored.status, headers, mimetype="application/json")


def _outcome(view: Callable[P, ResponseReturnValue], *args: P.args, **kwargs: P.kwargs) -> Response:
    try:
        answer = view(*args, **kwargs)
    except OUTCOMES as error:
        answer = current_app.handle_user_exception(error)
    return current_app.make_response(answer)


def _prune(engine: Engine, oldest: datetime, logger: Logger) -> None:
    expired = delete(_table).where(_table.c.date_added < oldest)
    try:
        with engine.begin() as connection:
            connection.execute(expired.with_dialect_options(mysql_limit=PRUNE_LIMIT))
    except DBAPIError as error:  # the next one will delete them
        logger.warning("expired idempotency keys are not deleted: %s", error.orig)
