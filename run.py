"""The application, for gunicorn, ``flask`` and ``python run.py``."""

import sys
from logging.config import dictConfig

from flask_migrate import upgrade

import config
from application import create_app, db

# Without that file, which gunicorn loads as the module __config__, it would start another kind of
# worker, and no migrations.
if "gunicorn.arbiter" in sys.modules and "__config__" not in sys.modules:
    raise RuntimeError("gunicorn must read gunicorn.conf.py: start it in its folder, or with -c")

dictConfig(config.logging_config())
with config.exit_logged():
    app = create_app()


def migrate_on_start() -> None:
    """Apply the migrations if MIGRATE_ON_START says so; safe in several processes at once.

    Raises SystemExit, after a line in the log, if the database cannot be used as it is.
    """
    if not app.config["MIGRATE_ON_START"]:
        return
    with app.app_context():
        try:
            upgrade()
        finally:
            db.engine.dispose()  # processes that are forked later must not share its connections


if __name__ == "__main__":
    migrate_on_start()
    app.logger.info("Listening on http://localhost:5003")
    app.run(host="0.0.0.0", port=5003)
