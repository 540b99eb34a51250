"""The application, for gunicorn, ``flask`` and ``python run.py``."""

from logging.config import dictConfig

from flask_migrate import upgrade
from sqlalchemy.exc import OperationalError

import config
from application import create_app, db

app = create_app()
dictConfig(config.logging_config(app.config["LOG_JSON"]))


def migrate_on_start() -> None:
    """Apply the migrations if MIGRATE_ON_START says so; safe in several processes at once.

    Raises SystemExit with one line if the database is out of reach.
    """
    if not app.config["MIGRATE_ON_START"]:
        return
    with app.app_context():
        try:
            upgrade()
        except OperationalError as error:
            raise SystemExit(f"The database of DATABASE_URL cannot be used: {error.orig}") from None
        finally:
            db.engine.dispose()  # processes that are forked later must not share its connections


if __name__ == "__main__":
    migrate_on_start()
    app.logger.info("Listening on http://localhost:5003")
    app.run(host="0.0.0.0", port=5003)
