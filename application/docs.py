"""The API's description at /openapi.json, and a page to try it at /docs."""

import json
from pathlib import Path

from flask import Blueprint, Flask, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

DESCRIPTION = json.loads(Path(__file__).with_name("openapi.json").read_text())
# Only the package's files: its own page ignores path prefixes and does not fit a phone's screen.
swagger_ui = Blueprint(
    "swagger_ui", "flask_swagger_ui", static_folder="dist", static_url_path="/docs"
)


def init_app(app: Flask) -> None:
    """Serve the description and the page; / leads to the page."""
    app.register_blueprint(swagger_ui)
    for path in ("/docs", "/docs/"):
        app.add_url_rule(path, "docs", page)
    app.add_url_rule("/openapi.json", "openapi", openapi)
    # A request for a prefix alone, as in /shop, has an empty path here: no redirect to /shop/.
    app.add_url_rule("/", "index", lambda: redirect(url_for("docs")), strict_slashes=False)


def page() -> str:
    return render_template("docs.html")


def openapi() -> Response:
    """Show the description; its server is the path prefix of this request."""
    return jsonify(DESCRIPTION | {"servers": [{"url": request.root_path or "/"}]})
