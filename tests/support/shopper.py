"""A client of the service as shipped."""

import requests

TIMEOUT = 20  # seconds, far above what any answer may take


class Shopper:
    """One user, who sends one request after the other."""

    def __init__(self, url, user):
        self.url, self.login = f"{url}/api/order", {"Authorization": f"Basic {user['api_key']}"}

    def add(self, key=None):
        body = {"product_id": 5, "qty": 1}
        return self.send("POST", "/add-item", body, {"Idempotency-Key": key} if key else {})

    def checkout(self, etag=None):
        return self.send("POST", "/checkout", headers={"If-Match": etag} if etag else {})

    def cart(self):
        return self.send("GET")

    def quantity(self):
        return self.cart().json()["result"]["items"][0]["quantity"]

    def send(self, method, path="", body=None, headers=None):
        """Send a request to a path below /api/order."""
        headers = self.login | (headers or {})
        return requests.request(
            method, self.url + path, data=body, headers=headers, timeout=TIMEOUT
        )
