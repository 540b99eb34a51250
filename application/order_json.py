"""An order and its lines as the API shows them, whether they are read as models or as rows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any


def order_json(order: Any, items: Iterable[Any], user_id: int, is_open: bool) -> dict[str, Any]:
    """Return an order's JSON; ``order`` and ``items`` have the attributes that are read here."""
    return {
        "id": order.id,
        "user_id": user_id,
        "is_open": is_open,
        "items": [item_json(item) for item in items],
        "date_added": _utc(order.date_added),
        "date_updated": _utc(order.date_updated),
    }


def item_json(item: Any) -> dict[str, Any]:
    product_id = item.product_id  # which the course's published service calls ``product``
    return {"product_id": product_id, "quantity": item.quantity, "product": product_id}


def _utc(time: datetime | None) -> str | None:
    """Return ISO 8601 with the ``Z`` of UTC; None if the course's service has stored no time."""
    return time.isoformat(timespec="milliseconds") + "Z" if time else None
