"""Who calls."""

from flask import current_app, g, request
from werkzeug.exceptions import Unauthorized

from application.logs import trace_headers

from .user_client import User, UserClient


def current_user() -> User:
    """Return the caller; asks user-service once per request, even if the view is retried.

    Raises Unauthorized, or UserServiceUnavailable.
    """
    if "user" not in g:
        api_key = request.headers.get("Authorization", "")
        client: UserClient = current_app.extensions["user_client"]
        g.user = client.get_user(api_key, trace_headers())
    user: User | None = g.user
    if user is None:
        raise Unauthorized("Not logged in")
    return user
