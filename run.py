"""The application, for gunicorn, ``flask`` and ``python run.py``."""

import signal
import sys
from logging.config import dictConfig

import click
from flask_migrate import upgrade

import config
from application import __version__, create_app, db
from application.database import configured_database, sqlite

# Without that file, which gunicorn loads as the module __config__, it would start another kind of
# worker, and no migrations.
if "gunicorn.arbiter" in sys.modules and "__config__" not in sys.modules:
    raise RuntimeError("gunicorn must read gunicorn.conf.py: start it in its folder, or with -c")

dictConfig(config.logging_config())
with config.exit_logged():
    app = create_app()


def start(host: str = "", port: int | None = None, scheme: str = "http") -> None:
    """Log that the service starts, and apply the migrations if MIGRATE_ON_START is true.

    Safe in several processes at once. Raises SystemExit, after a line in the log, if the database
    cannot be used as it is.
    """
    host = f"[{host}]" if ":" in host else host  # an IPv6 address
    url = f" on {scheme}://{host}:{port}" if port else ""
    if port:  # Flask's own server, which SIGTERM would end without what runs at exit
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with app.app_context():
        app.logger.info("order-service %s starts%s: %s", __version__, url, configured_database())
        if db.engine.dialect.name == "sqlite":
            sqlite.empty_log_at_exit([*db.engines.values()])
        if not app.config["MIGRATE_ON_START"]:
            return
        try:
            upgrade()
        finally:
            db.engine.dispose()  # processes that are forked later must not share its connections


command = click.get_current_context(silent=True)
if command and command.info_name == "run":  # flask run; with --debug, again after each reload
    scheme = "https" if command.params["cert"] else "http"
    start(command.params["host"], command.params["port"], scheme)

if __name__ == "__main__":
    address, port = app.config["BIND_ADDRESS"], app.config["PORT"]
    start(address or "127.0.0.1", port)
    app.run(address or "0.0.0.0", port)
