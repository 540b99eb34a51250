"""What a client sees after a restore."""

from collections.abc import Callable

from tests.support.shopper import Shopper


def check_restored(shopper: Shopper, restore: Callable[[], None]) -> None:
    """Restore a backup with the add "kept" and without the add "lost", and check what is shown."""
    lost = shopper.add("lost")
    restore()
    tag = lost.headers["ETag"]
    assert shopper.send("GET", headers={"If-None-Match": tag}).status_code == 200
    assert shopper.checkout(tag).status_code == 412
    assert shopper.add("kept").headers["Idempotent-Replayed"] == "true"
    assert shopper.quantity() == 1
    again = shopper.add("lost")
    assert "Idempotent-Replayed" not in again.headers
    assert again.headers["ETag"] != tag
    assert shopper.quantity() == 2
