"""The application, for gunicorn, ``flask`` and ``python run.py``."""

import sys
from logging.config import dictConfig

import click
from flask_migrate import upgrade

import config
from application import __version__, create_app, db

# Without that file, which gunicorn loads as the module __config__, it would start another kind of
# worker, and no migrations.
if "gunicorn.arbiter" in sys.modules and "__config__" not in sys.modules:
    raise RuntimeError("gunicorn must read gunicorn.conf.py: start it in its folder, or with -c")

dictConfig(config.logging_config())
with config.exit_logged():
    app = create_app()


def start(url: str | None = None) -> None:
    """Log that the service starts, and apply the migrations if MIGRATE_ON_START is true.

    Safe in several processes at once. Raises SystemExit, after a line in the log, if the database
    cannot be used as it is.
    """
    app.logger.info("order-service %s starts%s", __version__, f" on {url}" if url else "")
    if not app.config["MIGRATE_ON_START"]:
        return
    with app.app_context():
        try:
            upgrade()
        finally:
            db.engine.dispose()  # processes that are forked later must not share its connections


command = click.get_current_context(silent=True)
if command and command.info_name == "run":  # flask run; with --debug, again after each reload
    scheme = "https" if command.params["cert"] else "http"
    host = command.params["host"]
    host = f"[{host}]" if ":" in host else host  # an IPv6 address
    start(f"{scheme}://{host}:{command.params['port']}")

if __name__ == "__main__":
    start("http://127.0.0.1:5003")
    app.run(host="0.0.0.0", port=5003)
