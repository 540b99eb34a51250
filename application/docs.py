"""The API's description at /openapi.json, and a page to try it at /docs."""

from pathlib import Path

from flask import Blueprint, Flask, json, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

DESCRIPTION = Path(__file__).with_name("openapi.json").read_text()
# The package's files without its own page, which knows no path prefix and no phones.
swagger_ui = Blueprint(
    "swagger_ui", "flask_swagger_ui", static_folder="dist", static_url_path="/docs"
)


def init_app(app: Flask) -> None:
    """Serve the description and the page; / leads to the page."""
    app.register_blueprint(swagger_ui)
    for path in ("/docs", "/docs/"):
        app.add_url_rule(path, "docs", page)
    app.add_url_rule("/openapi.json", "openapi", openapi)
    # A prefix alone, as in /shop, is an empty path here, which would be a redirect to /shop/.
    app.add_url_rule("/", "index", lambda: redirect(url_for("docs")), strict_slashes=False)


def page() -> str:
    return render_template("docs.html")


def openapi() -> Response:
    """Show the description; its server is the path prefix of this request."""
    return jsonify(json.loads(DESCRIPTION) | {"servers": [{"url": request.root_path or "/"}]})
