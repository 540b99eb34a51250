"""Requests as bytes, for what no HTTP library would send."""

import json
import socket
from http.client import HTTPException, HTTPResponse

from tests.support.api import ADD, is_written_as_all_json
from tests.support.shopper import Shopper


class Line:
    """A user, and the beginning of a request by that user."""

    def __init__(self, service, user):
        self.service, self.shopper = service, Shopper(service.url, user)
        self.head = f"POST {ADD} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {user['api_key']}\r\n"

    def send(self, data: bytes):
        """Send bytes and close; return the answer's status and JSON, or None if there is none."""
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=60) as line:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            answer = HTTPResponse(line)
            try:
                answer.begin()
            except (ConnectionError, HTTPException):
                return None
            text = answer.read().decode()
            assert not text or is_written_as_all_json(text), text
            return answer.status, json.loads(text or "null")

    def headers(self, data: bytes) -> dict[str, str]:
        """Send bytes and return the headers of the answer."""
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=60) as line:
            line.sendall(data)
            answer = HTTPResponse(line)
            answer.begin()
            return dict(answer.getheaders())

    def cart(self):
        return self.shopper.cart().json()
