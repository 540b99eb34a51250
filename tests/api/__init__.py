"""The API, request by request, on every engine."""
