"""The API's description at /openapi.json, and a page to try it at /docs."""

import json
from functools import partial

from flask import Blueprint, Flask, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

# Only the package's files: its own page ignores path prefixes and does not fit a phone's screen.
swagger_ui = Blueprint(
    "swagger_ui", "flask_swagger_ui", static_folder="dist", static_url_path="/docs"
)


def init_app(app: Flask, version: str) -> None:
    """Serve the description, with the service's version, and the page; / leads to the page."""
    with app.open_resource("openapi.json") as file:
        description = json.load(file)
    description["info"]["version"] = version

    def openapi() -> Response:
        """Show the description; its server is the path prefix of this request."""
        return jsonify(description | {"servers": [{"url": request.root_path or "/"}]})

    app.register_blueprint(swagger_ui)
    page = partial(render_template, "docs.html")
    for path in ("/docs", "/docs/"):
        app.add_url_rule(path, "docs", page)
    app.add_url_rule("/openapi.json", "openapi", openapi)
    # A request for a prefix alone, as in /shop, has an empty path here: no redirect to /shop/.
    app.add_url_rule("/", "index", lambda: redirect(url_for("docs")), strict_slashes=False)
