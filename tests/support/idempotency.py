"""Stored answers, and whether an answer is one of them."""

from hashlib import sha256

from sqlalchemy import func, select

from application.models import IdempotencyKey
from tests.support.databases import execute


def stored_keys(app) -> int:
    """Return how many keys the database holds."""
    with app.app_context():
        return execute(select(func.count()).select_from(IdempotencyKey))[0][0]


def digest(key):
    return sha256(key.encode()).hexdigest()


def is_replay_of(first, answer):
    return (
        (answer.status_code, answer.data) == (first.status_code, first.data)
        and answer.content_type == first.content_type
        and "Idempotent-Replayed" not in first.headers
        and answer.headers["Idempotent-Replayed"] == "true"
    )
