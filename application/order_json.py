"""An order and its lines as the API shows them, whether they are read as models or as rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

Items = Iterable[Sequence[int]]  # of each line, its product and quantity


def order_json(order: Any, items: Items, user_id: int, is_open: bool) -> dict[str, Any]:
    """Return an order's JSON; ``order`` has the attributes that are read here."""
    return {
        "id": order.id,
        "user_id": user_id,
        "is_open": is_open,
        "items": [item_json(*item) for item in items],
        "date_added": _utc(order.date_added),
        "date_updated": _utc(order.date_updated),
    }


def item_json(product_id: int, quantity: int) -> dict[str, Any]:
    # The course's published service calls it ``product``.
    return {"product_id": product_id, "quantity": quantity, "product": product_id}


def _utc(time: datetime | None) -> str | None:
    """Return ISO 8601 with the ``Z`` of UTC; None if the course's service has stored no time."""
    return time.isoformat(timespec="milliseconds") + "Z" if time else None
