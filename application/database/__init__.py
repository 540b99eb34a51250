"""The database: ``db``, on SQLite, MySQL or MariaDB, made for concurrency and faults."""

from .engines import configured_database, db, init_app

__all__ = ["configured_database", "db", "init_app"]
