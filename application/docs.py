"""The API's description at /openapi.json, and a page to try it at /docs."""

from pathlib import Path

from flask import Flask, Response, redirect
from flask_swagger_ui import get_swaggerui_blueprint

DESCRIPTION = Path(__file__).with_name("openapi.json").read_text()
SWAGGER_UI = {
    "app_name": "order-service",
    "validatorUrl": None,  # otherwise the page asks a server elsewhere
    "oauth2RedirectUrl": None,  # otherwise the request's Host gets into the page
    "layout": "BaseLayout",  # without the bar that opens other descriptions
}


def init_app(app: Flask) -> None:
    """Serve the description and the page; / leads to the page."""
    app.register_blueprint(get_swaggerui_blueprint("/docs", "/openapi.json", SWAGGER_UI))
    # Otherwise /docs is a redirect, in HTML, to /docs/.
    app.add_url_rule("/docs", "docs", app.view_functions["swagger_ui.show"])
    app.add_url_rule("/openapi.json", "openapi", openapi)
    app.add_url_rule("/", "index", lambda: redirect("/docs"))


def openapi() -> Response:
    return Response(DESCRIPTION, mimetype="application/json")
