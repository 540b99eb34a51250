"""The client of user-service."""
