"""Retries by clients: the header ``Idempotency-Key`` of a POST.

The semantics are those of the IETF's draft-ietf-httpapi-idempotency-key-header-07 and, where it
leaves them open, of Stripe's idempotent requests: a key is its user's own, and stands for its first
outcome, a refusal for the cart's state too. Bad input has no outcome, and (unlike Stripe's) no
failure has: both may be mended and tried again under their key.
"""

import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial, wraps
from hashlib import sha256

from flask import Response, current_app, request
from pymysql.constants import ER
from sqlalchemy import Engine, Row, String, Text, bindparam, delete, insert, select, update
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.exceptions import BadRequest, NotFound, UnprocessableEntity

from application.database import db, execute
from application.models import ItemNotFound, OrderEmpty, utcnow

from .request import current_user

HEADER = "Idempotency-Key"
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
PRUNE_CHANCE = 0.01  # for each kept answer; as up to 1,000 old ones go at once, the table shrinks
PRUNE_LIMIT = 1000
REFUSALS = NotFound, ItemNotFound, OrderEmpty


class RequestRunning(Exception):
    """The first request with this key has not ended yet."""


class IdempotencyKey(db.Model):
    """A user's key, the request that it stands for, and that request's answer."""

    __tablename__ = "idempotency_key"

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Digests, of which no collation takes one for another.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(default=0)
    body: Mapped[str] = mapped_column(Text().with_variant(MEDIUMTEXT(), "mysql"), default="")
    date_added: Mapped[datetime] = mapped_column(default=utcnow, index=True)


ROW = IdempotencyKey.__table__
OF_KEY = ROW.c.user_id == bindparam("of_user"), ROW.c.key == bindparam("of_key")
CLAIM, FIND, KEEP = insert(ROW), select(ROW).where(*OF_KEY), update(ROW).where(*OF_KEY)


def idempotent(view: Callable) -> Callable:
    """Answer a request that is sent again with its Idempotency-Key as it was answered first.

    Goes inside ``transaction``: the answer is stored with the request's effect, or neither is.
    Raises BadRequest for a key that is none, UnprocessableEntity for one that stands for another
    request, and RequestRunning where the first does not end while the database waits for it.
    """

    @wraps(view)
    def run(*args, **kwargs):
        if HEADER not in request.headers:
            return view(*args, **kwargs)
        user, key, fingerprint = current_user(), _key(), _fingerprint()
        if not _claim(user.id, key, fingerprint):
            return _repeat(execute(FIND, of_user=user.id, of_key=key).first(), fingerprint)
        response = _outcome(view, *args, **kwargs)
        body = response.get_data(as_text=True)
        execute(KEEP, of_user=user.id, of_key=key, status=response.status_code, body=body)
        if random.random() < PRUNE_CHANCE:
            oldest = utcnow() - timedelta(seconds=current_app.config["IDEMPOTENCY_KEY_TTL"])
            # Once the caller has its answer: nobody waits for it.
            response.call_on_close(partial(_prune, db.engine, oldest, current_app.logger))
        return response

    return run


def _key() -> str:
    key = request.headers[HEADER]
    if not VISIBLE_ASCII.fullmatch(key):
        raise BadRequest(f"{HEADER} must be 1 to 255 visible ASCII characters")
    return sha256(key.encode()).hexdigest()


def _fingerprint() -> str:
    body = request.get_data()
    if request.mimetype == "multipart/form-data":  # each sending has a boundary of its own
        boundary = request.mimetype_params.get("boundary", "")
        body = body.replace(b"--" + boundary.encode(), b"--")
    return sha256(request.path.encode() + b"\n" + body).hexdigest()


def _claim(user_id: int, key: str, fingerprint: str) -> bool:
    """Insert the key, so that others who bring it wait for this transaction's end."""
    try:
        execute(CLAIM, user_id=user_id, key=key, request=fingerprint)
    except IntegrityError:
        return False
    except OperationalError as error:
        if error.orig.args[0] == ER.LOCK_WAIT_TIMEOUT:
            raise RequestRunning(f"The request with this {HEADER} is still running") from error
        raise
    return True


def _repeat(record: Row | None, fingerprint: str) -> Response:
    if record is None:  # pruned at this very moment
        raise RequestRunning(f"This {HEADER} is just being forgotten")
    if record.request != fingerprint:
        raise UnprocessableEntity(f"{HEADER} has been used for another request")
    headers = {"Idempotent-Replayed": "true"}
    return Response(record.body, record.status, headers, mimetype="application/json")


def _outcome(view: Callable, *args, **kwargs) -> Response:
    try:
        answer = view(*args, **kwargs)
    except REFUSALS as error:
        answer = current_app.handle_user_exception(error)
    return current_app.make_response(answer)


def _prune(engine: Engine, oldest: datetime, logger) -> None:
    old = delete(IdempotencyKey).where(IdempotencyKey.date_added < oldest)
    try:
        with engine.begin() as connection:
            connection.execute(old.with_dialect_options(mysql_limit=PRUNE_LIMIT))
    except DBAPIError as error:  # the next one may have more luck
        logger.warning("idempotency keys are not pruned: %s", error.orig)
