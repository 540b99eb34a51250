"""What the service should do, in the simplest form."""

from application.models import MAX_INTEGER


class Model:
    """A user's orders, of which only the last may be open. Methods return the answer's status."""

    def __init__(self):
        self.orders, self.is_open = [], False

    def add(self, product, quantity):
        lines = self.orders[-1] if self.is_open else {}
        if lines.get(product, 0) + quantity > MAX_INTEGER:
            return 400
        self.orders += [] if self.is_open else [lines]
        self.is_open = True
        lines[product] = lines.get(product, 0) + quantity
        return 200

    def change(self, product, quantity):
        """Set a line's quantity; if it is None, remove the line."""
        if not self.is_open or product not in self.orders[-1]:
            return 404
        if quantity is None:
            del self.orders[-1][product]
        else:
            self.orders[-1][product] = quantity
        return 200

    def checkout(self):
        if not self.is_open:
            return 404
        if not self.orders[-1]:
            return 409
        self.is_open = False
        return 200
