"""The application, for flask, gunicorn and ``python run.py``."""

from flask_migrate import Migrate, upgrade

from application import create_app, db

app = create_app()
migrate = Migrate(app, db)


def migrate_on_start() -> None:
    """Apply the migrations where MIGRATE_ON_START says so; safe in several processes at once."""
    if app.config["MIGRATE_ON_START"]:
        with app.app_context():
            upgrade()
            # No process that is forked later may share this one's connections.
            db.engine.dispose()


if __name__ == "__main__":
    migrate_on_start()
    app.run(host="0.0.0.0", port=5003)
