"""A path prefix: the service below /shop of a proxy, for example."""

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix


def init_app(app: Flask) -> None:
    """Take the prefix off the path of a request, or learn it from a proxy that has done so."""
    if app.config["TRUST_FORWARDED_PREFIX"]:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=0, x_proto=0, x_host=0, x_prefix=1
        )
    if prefix := app.config["SCRIPT_NAME"].rstrip("/"):
        # gunicorn itself would refuse probes without the prefix, and read /shopdocs as /shop/docs.
        app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
            app.wsgi_app, {prefix: app.wsgi_app}
        )
