"""The database: ``db``, on SQLite, MySQL or MariaDB, made for concurrency and faults."""

from .engines import db, init_app

__all__ = ["db", "init_app"]
