"""A path prefix, such as /shop, below which a proxy serves this service."""

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix


def init_app(app: Flask) -> None:
    """Take the prefix off each request's path, or learn it from a proxy that has done so."""
    if app.config["TRUST_FORWARDED_PREFIX"]:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=0, x_proto=0, x_host=0, x_prefix=1
        )
    if prefix := app.config["SCRIPT_NAME"].rstrip("/"):
        # Paths without the prefix are served, too: probes do not come through the proxy.
        app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
            app.wsgi_app, {prefix: app.wsgi_app}
        )
