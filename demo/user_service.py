"""A stand-in for the course's user-service: its endpoints, over real HTTP, users in memory.

``python -m demo.user_service`` serves it on port 5001 of all addresses.
"""

import json
import random
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from demo.ports import exit_if_taken

DEMO = {"username": "demo", "password": "demo", "email": "demo@example.com"}
DEMO_KEY = "demo$5rounds/key.1"  # with the characters that the course's keys hold
ADMIN = {"username": "admin", "password": "admin", "email": "admin@example.com", "is_admin": True}
ADMIN_KEY = "admin$5rounds/key.2"
LARGEST_ID = 2**31 - 1  # of the course's integer columns


class UserService(ThreadingHTTPServer):
    """Knows users by their API keys. ``answer``, if set, answers GET /api/user instead."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, Handler)
        self.users, self.passwords = {}, {}
        self.reset()
        self.add(**DEMO, api_key=DEMO_KEY, user_id=1)
        self.add(**ADMIN, api_key=ADMIN_KEY, user_id=2)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def reset(self) -> None:
        """Forget the requests so far, and answer as usual again."""
        self.answer = None
        self.asked, self.connections = [], 0

    def add(self, username, password="", email="", api_key=None, user_id=None, **more) -> dict:
        """Make a user and, unless they are given, a new id and a new API key."""
        user = {
            "id": user_id or self.new_id(),
            "username": username,
            "email": email,
            "first_name": more.get("first_name", ""),
            "last_name": more.get("last_name", ""),
            "api_key": api_key or f"$5$rounds=535000${secrets.token_urlsafe(12)}/.",
            "is_active": True,
            "is_admin": bool(more.get("is_admin")),
        }
        self.users[user["api_key"]] = user
        self.passwords[username] = password, user["api_key"]
        return user

    def new_id(self) -> int:
        """Return an id that no user has.

        It is random: users end with this process, but their orders stay in the database. A new
        user with the id of an earlier one would see that user's cart.
        """
        taken = {user["id"] for user in self.users.values()}
        while (new := random.randint(1, LARGEST_ID)) in taken:
            pass
        return new

    def start(self) -> "UserService":
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def handle_error(self, request, client_address) -> None:
        """Ignore errors: callers may hang up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # as the course's

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_GET(self):
        if self.path != "/api/user":
            return self.send(404, {"message": "Not found"})
        authorization = self.headers.get("Authorization", "")
        self.server.asked.append((authorization, dict(self.headers)))
        if self.server.answer:
            return self.server.answer(self)
        user = self.server.users.get(authorization.removeprefix("Basic "))
        return self.send(200, {"result": user}) if user else self.not_logged_in()

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
        if self.path == "/api/user/create":
            return self.send(200, {"message": "User added", "result": self.server.add(**form)})
        if self.path != "/api/user/login":
            return self.send(404, {"message": "Not found"})
        password, api_key = self.server.passwords.get(form.get("username"), (None, None))
        if password is None or password != form.get("password"):
            return self.not_logged_in()
        return self.send(200, {"message": "Logged in", "api_key": api_key})

    def not_logged_in(self):
        self.send(401, {"message": "Not logged in"})

    def send(self, status, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Log nothing: a request line may hold an API key."""


if __name__ == "__main__":
    exit_if_taken(5001)
    keys = f"{DEMO_KEY}, and of an administrator: {ADMIN_KEY}"
    print(f"Standing in for user-service on http://localhost:5001. API key: {keys}", flush=True)
    UserService(("", 5001)).serve_forever()
