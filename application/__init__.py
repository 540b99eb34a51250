"""order-service: the carts and orders of the shop."""

from typing import Any

from flask import Flask
from flask_migrate import Migrate

import config

from . import database
from .database import db

__all__ = ["create_app", "db"]
__version__ = "1.0.0"


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """Make the application.

    ``overrides`` are settings that win over the environment. Raises SystemExit if a setting cannot
    be used.
    """
    # Not before: these import prometheus_client, which looks for the folder of the counts when it
    # is imported, and gunicorn.conf.py makes that folder by serving.counts_folder.
    from .order_api import order_api_blueprint
    from .order_api.user_client import UserClient
    from .serving import docs, errors, headers, health, logs, metrics, paths, proxy

    app = Flask(__name__, static_folder=None)
    app.config.from_mapping(config.load(overrides))
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider only
    database.init_app(app)
    Migrate(app, db, directory=str(config.ROOT / "migrations"))
    user_client = app.extensions["user_client"] = UserClient(
        app.config["USER_SERVICE_URL"],
        app.config["USER_SERVICE_TIMEOUT"],
        app.config["USER_CACHE_TTL"],
        app.config["USER_SERVICE_CA"],
    )
    paths.init_app(app)
    app.register_blueprint(order_api_blueprint)
    errors.init_app(app)
    headers.init_app(app)
    logs.init_app(app)
    metrics.init_app(app)
    health.init_app(app, {"user_service": user_client.ping})
    proxy.init_app(app)
    if app.config["API_DOCS"]:
        docs.init_app(app, __version__)
    return app
