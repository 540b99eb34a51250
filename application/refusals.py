"""Refusals: a new one is a class, with the HTTP status by which the API answers it."""


class Refusal(Exception):
    """A request that breaks a rule; nothing of it is stored. Its caller gets the message."""

    status = 409
    retry_after: int | None = None  # seconds after which the same request may succeed


class QuantityTooLarge(Refusal):
    """A line's quantity would no longer fit its column."""

    status = 400


class ItemNotFound(Refusal):
    """The order has no line for the product."""

    status = 404


class OrderEmpty(Refusal):
    """An order without lines cannot be checked out."""

    status = 409


class OrderFull(Refusal):
    """The order has as many lines as an order may have."""

    status = 409


class OrderClosed(Refusal):
    """A closed order never changes again."""

    status = 409
