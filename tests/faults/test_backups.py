"""Dumps of a database, restored while the service is stopped, and while it runs."""

from sqlalchemy import make_url

from application import db
from tests.support.databases import execute_on, mysql_database
from tests.support.dumps import Dump
from tests.support.needs import trials
from tests.support.restores import check_restored
from tests.support.shopper import Shopper
from tests.support.shoppers import Shoppers
from tests.support.stored_orders import read_orders

TABLES = ["alembic_version", *(table.name for table in db.metadata.sorted_tables)]


def load_beside(dump, url, folder):
    """Load a dump into a new database, and let its tables take the places of another one's."""
    with mysql_database(folder) as new_url, mysql_database(folder) as old_url:
        dump.restore(new_url)
        db_, new, old = (make_url(address).database for address in (url, new_url, old_url))
        moves = [f"{db_}.`{t}` TO {old}.`{t}`, {new}.`{t}` TO {db_}.`{t}`" for t in TABLES]
        execute_on(url, f"RENAME TABLE {', '.join(moves)}")


def test_after_a_dump_is_restored_clients_notice_and_can_retry(
    service, database_url, users, tmp_path
):
    shopper = Shopper(service.url, users[0])
    shopper.add("kept")
    dump = Dump(database_url, tmp_path)

    def restore():
        service.stop()
        dump.restore(database_url)
        service.start()

    check_restored(shopper, restore)


@trials(2, 20)
def test_a_dump_that_takes_the_tables_place_fails_no_request(
    service, database_url, tmp_path, users, report, trials
):
    shoppers = Shoppers([service.url], users)
    for _ in range(trials):
        with shoppers.at_work():
            shoppers.await_more(200, 20)
            load_beside(Dump(database_url, tmp_path), database_url, tmp_path)
            shoppers.await_more(200, 20)
    assert set(shoppers.statuses) <= {200, 404}
    read_orders(database_url)
    report("tables replaced under load", trials, database_url, str(dict(shoppers.statuses)))


def test_after_tables_are_replaced_clients_notice_and_can_retry(
    service, database_url, tmp_path, users
):
    shopper = Shopper(service.url, users[0])
    shopper.add("kept")
    dump = Dump(database_url, tmp_path)
    check_restored(shopper, lambda: load_beside(dump, database_url, tmp_path))
