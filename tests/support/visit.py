"""A visit to the API that gets every kind of answer once."""

from demo.user_service import DEMO_KEY
from tests.support.api import ADD, CHECKOUT, CLEAR, HISTORY, REMOVE, UPDATE
from tests.support.insides import READ_ORDER

ITEM = {"product_id": 5, "qty": 2}
LOGIN = {"Authorization": f"Basic {DEMO_KEY}"}
JSON = "application/json"


class Visit:
    """A client's requests, and all their answers."""

    def __init__(self, client):
        self.client, self.answers = client, []

    def get(self, path, headers=LOGIN):
        return self._send("GET", path, headers)

    def post(self, path, body=None, headers=(), **options):
        return self._send("POST", path, LOGIN | dict(headers), data=body, **options)

    def _send(self, method, path, headers, **options):
        answer = self.client.open(path, method=method, headers=headers, **options)
        answer.get_data()  # while what it is read from is there
        self.answers.append(answer)
        return answer

    def shop(self):
        """Fill a cart, change it and check it out, and look at each step."""
        for path in ("/api/order", "/api/orders", HISTORY, "/healthz", "/readyz", "/api/order/1"):
            self.get(path)
        for path in (UPDATE, REMOVE, CLEAR, CHECKOUT):
            self.post(path, ITEM)
        added = self.post(ADD, ITEM, {"Idempotency-Key": "key"})
        self.post(CHECKOUT, None, {"Idempotency-Key": "key"})
        order = f"/api/order/{added.json['result']['id']}"
        for path in ("/api/order", order):
            self.get(path)
            self.get(path, LOGIN | {"If-None-Match": added.headers["ETag"]})
            self.get(path, LOGIN | {"If-Match": '"0-0"'})
        self.post(CLEAR, None, {"If-None-Match": "*"})
        self.post(UPDATE, ITEM | {"qty": 7})
        self.post(CHECKOUT, None, {"If-Match": added.headers["ETag"]})
        self.post(REMOVE, {"product_id": 5})
        self.post(REMOVE, {"product_id": 5})
        self.post(CLEAR)
        self.post(CHECKOUT)
        self.post(ADD, ITEM)
        self.post(CHECKOUT)
        for path in (order, HISTORY, "/api/orders", "/metrics"):
            self.get(path)

    def send_bad_input(self):
        """Send what the API refuses."""
        twice = {"product_id": ["5", "5"]}
        for body in ({}, {"product_id": "two"}, twice, b"a" * 70_000):
            self.post(ADD, body)
        for body in (b"{", b"[]"):
            self.post(ADD, body, content_type=JSON)
        self.post(ADD, b"{}", content_type="application/x-www-form-urlencoded")
        self.post(ADD, b"product_id=5", content_type="text/plain")
        cut_off = {"CONTENT_LENGTH": "9", "wsgi.input_terminated": True}  # as gunicorn sets it
        for path in (ADD, CHECKOUT):
            self.post(path, b"qty=1", environ_overrides=cut_off)
        self.post(ADD, ITEM, {"Idempotency-Key": "two words"})
        for page in (f"{HISTORY}?limit=101", "/api/orders?limit=1001", "/api/orders?user_id=0"):
            self.get(page)

    def break_off(self, app, user_service, monkeypatch):
        """Close the list of all orders, then let user-service fail, then the application."""
        app.config["ORDERS_REQUIRE_ADMIN"] = True
        self.get("/api/orders")
        self.get("/api/orders", {})
        user_service.answer = lambda handler: handler.send(500, {})
        self.get("/api/order")
        self.get("/readyz")
        user_service.reset()
        with monkeypatch.context() as broken:
            broken.setattr(*READ_ORDER, None)
            self.get("/api/order")
