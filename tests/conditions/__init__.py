"""Conditional requests: ETag, If-Match, If-None-Match."""
