"""What the service should do, in the simplest form.

A request is the name of one of the model's methods and its arguments: ``("add", 5, 1)``, or with a
condition ``("if_match", ['"7-3"'], "add", 5, 1)``.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from application.models import MAX_INTEGER

DIGEST = re.compile(r'(?<=\d-\d)(\d*)-[0-9a-f]{8}(?="$)')  # in an ETag


def foreseen(etag: str | None) -> str | None:
    """Return the part of an ETag that the model can foresee: it does not know the times."""
    return etag and DIGEST.sub(r"\1", etag)


class Answer(NamedTuple):
    """The status of an answer, the order that it shows, if any, and its ETag, if any."""

    status: int
    order: tuple[int, bool, list[tuple[int, int]]] | None = None  # its id, whether open, its lines
    etag: str | None = None


@dataclass
class Order:
    lines: dict[int, int] = field(default_factory=dict)  # quantities by product
    id: int | None = None  # until an answer shows it
    version: int = 0
    is_open: bool = True

    @property
    def etag(self):
        return f'"{self.id}-{self.version}"'

    def as_shown(self):
        return self.id, self.is_open, list(self.lines.items())


@dataclass
class Model:
    """A user's orders, of which only the last may be open.

    The methods that are requests return the answer's status, and the order that it tells of.
    """

    orders: list[Order] = field(default_factory=list)

    def answer(self, request: tuple, seen: Answer | None) -> Answer:
        """Carry out a request and return the right answer.

        What cannot be foreseen, an order's id, is taken from the answer that was seen.
        """
        status, order = self._carry_out(*request)
        if order is None:
            return Answer(status)
        if order.id is None and seen and seen.order:
            order.id = seen.order[0]
        return Answer(status, order.as_shown() if status == 200 else None, order.etag)

    def accepts(self, request: tuple, answer: Answer | None) -> bool:
        """Carry out a request; return whether its answer is right. None is an unknown answer."""
        right = self.answer(request, answer)
        return answer is None or (
            right == answer._replace(etag=foreseen(answer.etag)) and self._ids_grow()
        )

    @property
    def open_order(self) -> Order | None:
        return self.orders[-1] if self.orders and self.orders[-1].is_open else None

    def _carry_out(self, name, *arguments):
        return getattr(self, name)(*arguments)

    def add(self, product, quantity):
        order = self.open_order or Order()
        if order.lines.get(product, 0) + quantity > MAX_INTEGER:
            return 400, None
        if order is not self.open_order:
            self.orders.append(order)
        order.lines[product] = order.lines.get(product, 0) + quantity
        return self._changed()

    def update(self, product, quantity):
        if not self.open_order or product not in self.open_order.lines:
            return 404, None
        self.open_order.lines[product] = quantity
        return self._changed()

    def remove(self, product):
        if not self.open_order or product not in self.open_order.lines:
            return 404, None
        del self.open_order.lines[product]
        return self._changed()

    def clear(self):
        if not self.open_order:
            return 404, None
        self.open_order.lines.clear()
        return self._changed()

    def checkout(self):
        if not self.open_order:
            return 404, None
        if not self.open_order.lines:
            return 409, None
        self.open_order.is_open = False
        return self._changed()

    def _changed(self):
        self.orders[-1].version += 1
        return 200, self.orders[-1]

    def show(self):
        return 200, self.open_order

    def show_by_id(self, number):
        order = next((order for order in self.orders if order.id == number), None)
        return 200 if order else 404, order

    def if_match(self, etags, name, *arguments):
        """Carry out a request on an order with one of the ETags; ``*`` stands for all of them."""
        order = self._order_of(name, *arguments)
        if order is None and name.startswith("show"):  # there is nothing to have changed
            return self._carry_out(name, *arguments)
        if order is None or not {order.etag, "*"}.intersection(map(foreseen, etags)):
            return 412, None
        return self._carry_out(name, *arguments)

    def if_none_match(self, etags, name, *arguments):
        """Carry out a request unless it is on an order with one of the ETags, weak ones too."""
        order = self._order_of(name, *arguments)
        tags = {order.etag, f"W/{order.etag}", "*"} if order else set()
        if not tags.intersection(map(foreseen, etags)):
            return self._carry_out(name, *arguments)
        return (304, order) if name.startswith("show") else (412, None)

    def _order_of(self, name, *arguments):
        """Return the order on which a request is."""
        return self.show_by_id(*arguments)[1] if name == "show_by_id" else self.open_order

    def _ids_grow(self):
        ids = [order.id for order in self.orders if order.id is not None]
        return ids == sorted(set(ids))
