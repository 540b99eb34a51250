"""The API's description at /openapi.json, and a page to try it at /docs."""

import json
import secrets

from flask import (
    Blueprint,
    Flask,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response

# Only the package's files: its own page ignores path prefixes and does not fit a phone's screen.
swagger_ui = Blueprint(
    "swagger_ui", "flask_swagger_ui", static_folder="dist", static_url_path="/docs"
)
# Swagger UI sets styles in its elements, and has its icons in data: URLs.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{}'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)


def init_app(app: Flask, version: str) -> None:
    """Serve the description, with the service's version, and the page; / leads to the page."""
    with app.open_resource("openapi.json") as file:
        description = json.load(file)
    description["info"]["version"] = version

    def openapi() -> Response:
        """Show the description; its server is the path prefix of this request."""
        return jsonify(description | {"servers": [{"url": request.root_path or "/"}]})

    def page() -> Response:
        """Show the page, on which no script runs but its own."""
        nonce = secrets.token_urlsafe()
        response = make_response(render_template("docs.html", nonce=nonce))
        response.headers["Content-Security-Policy"] = POLICY.format(nonce)
        return response

    app.register_blueprint(swagger_ui)
    for path in ("/docs", "/docs/"):
        app.add_url_rule(path, "docs", page)
    app.add_url_rule("/openapi.json", "openapi", openapi)
    # A request for a prefix alone, as in /shop, has an empty path here: no redirect to /shop/.
    app.add_url_rule("/", "index", lambda: redirect(url_for("docs")), strict_slashes=False)
