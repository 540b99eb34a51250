"""What a proxy in front changes: the prefix of paths, such as /shop, and the callers' address."""

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix


def init_app(app: Flask) -> None:
    """Learn both from a trusted proxy's headers, or take a prefix that is set off each path."""
    prefix, address = app.config["TRUST_FORWARDED_PREFIX"], app.config["TRUST_FORWARDED_FOR"]
    if prefix or address:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=int(address), x_proto=0, x_host=0, x_prefix=int(prefix)
        )
    if prefix := app.config["SCRIPT_NAME"].rstrip("/"):
        # Paths without the prefix are served, too: probes do not come through the proxy.
        app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
            app.wsgi_app, {prefix: app.wsgi_app}
        )
