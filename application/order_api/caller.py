"""Who calls."""

from flask import current_app, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from application.logs import trace_headers

from .user_client import User, UserClient

# HTTP demands one with every 401. With the scheme "Basic", browsers would ask for a password. The
# realm must be quoted: Werkzeug does so only if it has a space.
CHALLENGE = WWWAuthenticate("apikey", {"realm": "order service"})


def current_user() -> User:
    """Return the caller; asks user-service once per request, even if the view is retried.

    Raises Unauthorized, or UserServiceUnavailable.
    """
    if "user" not in g:
        api_key = request.environ.get("HTTP_AUTHORIZATION", "")
        client: UserClient = current_app.extensions["user_client"]
        g.user = client.get_user(api_key, trace_headers())
    user: User | None = g.user
    if user is None:
        raise Unauthorized("Not logged in", www_authenticate=CHALLENGE)
    return user
