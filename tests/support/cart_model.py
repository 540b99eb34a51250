"""What the service should do, in the simplest form."""

from dataclasses import dataclass, field
from typing import NamedTuple

from application.models import MAX_INTEGER


@dataclass
class Model:
    """A user's orders, of which only the last may be open. Methods return the answer's status."""

    orders: list[dict[int, int]] = field(default_factory=list)  # quantities by product
    is_open: bool = False

    def add(self, product, quantity):
        lines = self.orders[-1] if self.is_open else {}
        if lines.get(product, 0) + quantity > MAX_INTEGER:
            return 400
        self.orders += [] if self.is_open else [lines]
        self.is_open = True
        lines[product] = lines.get(product, 0) + quantity
        return 200

    def update(self, product, quantity):
        if not self.is_open or product not in self.orders[-1]:
            return 404
        self.orders[-1][product] = quantity
        return 200

    def remove(self, product):
        if not self.is_open or product not in self.orders[-1]:
            return 404
        del self.orders[-1][product]
        return 200

    def checkout(self):
        if not self.is_open:
            return 404
        if not self.orders[-1]:
            return 409
        self.is_open = False
        return 200

    def show(self):
        return 200


class Answer(NamedTuple):
    """The status of an answer, and the order that it shows, if any."""

    status: int
    order: tuple[int, bool, list[tuple[int, int]]] | None = None  # its id, whether open, its lines


@dataclass
class ObservedModel(Model):
    """The model, and the orders' ids as far as answers have shown them, by the order's number."""

    ids: dict[int, int] = field(default_factory=dict)

    def accepts(self, request: tuple, answer: Answer | None) -> bool:
        """Carry out a request; return whether its answer is right. None is an unknown answer.

        A request is a method's name and arguments.
        """
        name, *arguments = request
        status = getattr(self, name)(*arguments)
        if answer is None:
            return True
        shows = status == 200 and (name != "show" or self.is_open)
        if shows and answer.order:
            self.ids.setdefault(len(self.orders), answer.order[0])
        return answer == Answer(status, self._last_order() if shows else None) and self._ids_grow()

    def _last_order(self):
        return self.ids.get(len(self.orders)), self.is_open, list(self.orders[-1].items())

    def _ids_grow(self):
        ids = list(self.ids.values())
        return ids == sorted(set(ids))
