"""What the API is: described at /openapi.json, and to be tried on the page /docs."""

from pathlib import Path

from flask import Flask, Response, redirect
from flask_swagger_ui import get_swaggerui_blueprint

DESCRIPTION = Path(__file__).with_name("openapi.json").read_text()
PAGE = {
    "app_name": "order-service",
    "validatorUrl": None,  # else the page asks a server elsewhere
    "oauth2RedirectUrl": None,  # else the request's Host gets into the page
    "layout": "BaseLayout",  # without a bar that opens other descriptions
}


def init_app(app: Flask) -> None:
    """Show the API at /openapi.json and /docs, to which / leads."""
    app.register_blueprint(get_swaggerui_blueprint("/docs", "/openapi.json", PAGE))
    # Else /docs is a redirect, in HTML, to /docs/.
    app.add_url_rule("/docs", "docs", app.view_functions["swagger_ui.show"])
    app.add_url_rule("/openapi.json", "openapi", openapi)
    app.add_url_rule("/", "index", lambda: redirect("/docs"))


def openapi() -> Response:
    return Response(DESCRIPTION, mimetype="application/json")
