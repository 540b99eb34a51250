"""What caches and browsers may do with an answer."""

from flask import Flask
from werkzeug.wrappers import Response

HEADERS = {  # of each answer that does not say otherwise
    "Cache-Control": "no-store",  # most are personal
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def init_app(app: Flask) -> None:
    """Add the headers to every answer, errors included."""
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
