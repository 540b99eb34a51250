"""Who calls."""

from flask import current_app, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from application.serving.logs import add_to_line, trace_headers

from .user_client import User, UserClient

# HTTP demands a challenge in each 401. With the scheme "Basic", browsers would ask for a password.
# The realm must be quoted: Werkzeug does so only if it has a space.
CHALLENGE = WWWAuthenticate("apikey", {"realm": "order service"})


def current_user() -> User:
    """Return the caller; asks user-service once per request, even if the view is retried.

    Raises Unauthorized, or UserServiceUnavailable.
    """
    user: User | None = g.get("user")
    if user is None:
        client: UserClient = current_app.extensions["user_client"]
        headers = request.headers
        user = client.get_user(headers.get("Authorization", ""), trace_headers(headers))
        if user is None:
            raise Unauthorized("Not logged in", www_authenticate=CHALLENGE)
        g.user = user
        add_to_line(user_id=user.id)
    return user
