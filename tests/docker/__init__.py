"""``make docker-test``: the containers, on a real Docker engine."""
