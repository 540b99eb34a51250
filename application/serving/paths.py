"""Refuse what Werkzeug accepts and a proxy's rule may not match: ``//metrics``, other digits."""

from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import IntegerConverter


class AsciiInteger(IntegerConverter):
    """An integer in the digits 0 to 9; Werkzeug's own takes those of other scripts, too."""

    regex = "[0-9]+"


def init_app(app: Flask) -> None:
    """Let the rules that are added to the application's map be strict."""
    app.url_map.merge_slashes = False  # its redirects would be HTML
    app.url_map.converters["int"] = AsciiInteger
    app.before_request(refuse_leading_slashes)


def refuse_leading_slashes() -> None:
    """Raise NotFound for ``//metrics``, which Werkzeug takes for ``/metrics``."""
    if request.environ["PATH_INFO"].startswith("//"):
        raise NotFound
