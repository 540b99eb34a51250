"""Migrations, and the adoption of a database of the course."""
