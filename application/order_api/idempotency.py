"""Retries by clients: the header ``Idempotency-Key`` of a POST.

The semantics are those of the IETF's draft-ietf-httpapi-idempotency-key-header-07 and, where the
draft leaves them open, of Stripe's idempotent requests: a key belongs to its user. Its first
outcome is stored, 404, 409 and 412 included; 400 and (unlike Stripe's) 5xx are not, so that the
caller can fix the request, or repeat it, under the same key.
"""

import re
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, ParamSpec

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue
from pymysql.constants import ER
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import BadRequest, HTTPException, UnprocessableEntity

from application.database import db
from application.database.error_codes import RETRY_AFTER, code
from application.models import IdempotencyKey
from application.refusals import Refusal

from .caller import current_user
from .fields import digest
from .pruning import prune_now_and_then

P = ParamSpec("P")
HEADER = "Idempotency-Key"
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
FIXABLE = {400, 401, 403}  # statuses after which the caller can repeat a better request
INSERT_ATTEMPTS = 3  # each waits as long as for any lock (database/engines.py)

KEYS = IdempotencyKey.__table__
THIS_KEY = KEYS.c.user_id == bindparam("of_user"), KEYS.c.key == bindparam("of_key")
# IGNORE: a key that is there already is no error, whose exception costs 140,000 instructions. MySQL
# would also cut off a value that does not fit its column; of these, each one fits.
INSERT = insert(KEYS).prefix_with("IGNORE", dialect="mysql")
INSERT = INSERT.prefix_with("OR IGNORE", dialect="sqlite")
FIND_ANSWER = select(*KEYS.c["request", "status", "body", "etag"]).where(*THIS_KEY)
STORE_ANSWER = update(KEYS).where(*THIS_KEY)


class RequestRunning(Refusal):
    """The first request with this key has not ended yet."""

    status = 409
    retry_after = RETRY_AFTER


def idempotent(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Answer a request that is repeated with its Idempotency-Key as it was answered first.

    Goes inside ``transaction``: the answer is stored together with the request's effect. Raises
    BadRequest for a malformed key, UnprocessableEntity for one that was used for another request,
    and RequestRunning if the first request does not end while the database waits for it.
    """

    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if HEADER not in request.headers:
            return view(*args, **kwargs)
        row = {"user_id": current_user().id, "key": _key(), "request": digest()}
        this_key = {"of_user": row["user_id"], "of_key": row["key"]}
        # Other requests with this key wait from here until this transaction ends.
        if not _insert(row):
            return _repeat(this_key, row["request"])
        try:
            response = current_app.make_response(view(*args, **kwargs))
            db.session.execute(STORE_ANSWER, this_key | _answer(response))
        except (Refusal, HTTPException) as error:
            response = current_app.make_response(current_app.handle_user_exception(error))
            status = response.status_code
            if status in FIXABLE or status >= 500 or "Retry-After" in response.headers:
                raise
            db.session.rollback()  # what the view changed before it refused
            if not _insert(row | _answer(response)):
                return _repeat(this_key, row["request"])
        prune_now_and_then(response)
        return response

    return run


def _key() -> str:
    key = request.headers[HEADER]
    if not VISIBLE_ASCII.fullmatch(key):
        raise BadRequest(f"{HEADER} must be 1 to 255 visible ASCII characters")
    return sha256(key.encode()).hexdigest()


def _insert(row: dict[str, Any], attempts: int = INSERT_ATTEMPTS) -> bool:
    """Insert a key; return False if it is there already. Raises RequestRunning."""
    try:
        result: Any = db.session.execute(INSERT, row)
    except DBAPIError as error:
        if code(error.orig) != ER.LOCK_WAIT_TIMEOUT:
            raise
        if attempts == 1:
            raise RequestRunning(f"The request with this {HEADER} has not ended yet") from error
        return _insert(row, attempts - 1)
    return bool(result.rowcount)


def _repeat(this_key: dict[str, Any], asked: object) -> Response:
    stored = db.session.execute(FIND_ANSWER, this_key).first()
    if stored is None:  # pruned since the insert was ignored
        raise RequestRunning(f"This {HEADER} has just expired")
    first, status, body, etag = stored
    if first != asked:
        raise UnprocessableEntity(f"{HEADER} has been used for another request")
    headers = {"Idempotent-Replayed": "true"} | ({"ETag": etag} if etag else {})
    return Response(body, status, headers, mimetype="application/json")


def _answer(response: Response) -> dict[str, Any]:
    body = response.get_data(as_text=True)
    return {"status": response.status_code, "body": body, "etag": response.headers.get("ETag")}
