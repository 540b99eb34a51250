"""Who calls."""

from flask import current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from application.logs import trace_headers

from .user_client import User, UserClient

# HTTP demands one with every 401. With the scheme "Basic", browsers would ask for a password. The
# realm must be quoted: Werkzeug does so only if it has a space.
CHALLENGE = WWWAuthenticate("apikey", {"realm": "order service"})
USER = "order_service.user"  # in the request's environ


def current_user() -> User:
    """Return the caller; asks user-service once per request, even if the view is retried.

    Raises Unauthorized, or UserServiceUnavailable.
    """
    environ = request.environ  # once: each use of the proxy is slow
    if USER not in environ:
        client: UserClient = current_app.extensions["user_client"]
        api_key = environ.get("HTTP_AUTHORIZATION", "")
        environ[USER] = client.get_user(api_key, trace_headers(environ))
    user: User | None = environ[USER]
    if user is None:
        raise Unauthorized("Not logged in", www_authenticate=CHALLENGE)
    return user
