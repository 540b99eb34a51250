"""The floor: the same answers by the same statements, in bare WSGI and PyMySQL.

Without validation, errors, retries and a log, the cost is that of gunicorn, driver and database.
"""

import json
import os
import sys
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import groupby
from operator import itemgetter
from threading import local
from urllib.parse import parse_qs, urlsplit

import pymysql
from pymysql.cursors import SSCursor
from sqlalchemy import make_url

DATABASE = make_url(os.environ["DATABASE_URL"])
USER_SERVICE = urlsplit(os.environ["USER_SERVICE_URL"]).netloc
ORDERS = (
    "SELECT o.id, o.user_id, o.is_open, o.date_added, o.date_updated, i.product_id, i.quantity"
    " FROM `order` o LEFT JOIN order_item i ON i.order_id = o.id"
)
CART = ORDERS + " WHERE o.open_user_id = %s ORDER BY o.id, i.id"
NEW_ORDER = (
    "INSERT INTO `order` (user_id, is_open, version, date_added, date_updated)"
    " VALUES (%s, 1, 1, %s, %s)"
)
CHANGED = "UPDATE `order` SET version = version + 1, is_open = %s, date_updated = %s WHERE id = %s"
NEW_LINE = (
    "INSERT INTO order_item (order_id, product_id, quantity, date_added, date_updated)"
    " VALUES (%s, %s, %s, %s, %s)"
)
LINE = (
    "UPDATE order_item SET quantity = %s, date_updated = %s WHERE order_id = %s AND product_id = %s"
)

connections = local()
users = {}
remember = float(os.environ["USER_CACHE_TTL"]) > 0


def connect(**options):
    return pymysql.connect(
        host=DATABASE.host,
        port=DATABASE.port or 3306,
        user=DATABASE.username,
        password=DATABASE.password or "",
        database=DATABASE.database,
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        **options,
    )


def user_id(api_key):
    if api_key in users:
        return users[api_key]
    connection = HTTPConnection(USER_SERVICE)
    connection.request("GET", "/api/user", headers={"Authorization": api_key})
    found = json.loads(connection.getresponse().read())["result"]["id"]
    connection.close()
    if remember:
        users[api_key] = found
    return found


def to_json(order_id, user, is_open, added, updated, lines):
    items = [{"product_id": p, "quantity": q, "product": p} for p, q in lines if p is not None]
    added, updated = (f"{date.isoformat(timespec='milliseconds')}Z" for date in (added, updated))
    dates = {"date_added": added, "date_updated": updated}
    return {"id": order_id, "user_id": user, "is_open": bool(is_open), "items": items} | dates


def show(connection, user):
    with connection.cursor() as cursor:
        if not cursor.execute(CART, (user,)):
            return {"message": "No order found"}
        rows = cursor.fetchall()
    return {"result": to_json(*rows[0][:5], [row[5:] for row in rows])}


def add(connection, user, product, quantity):
    now = datetime.now(UTC).replace(tzinfo=None)
    with connection.cursor() as cursor:
        cursor.execute(CART + " FOR UPDATE", (user,))
        rows = cursor.fetchall()
        lines = {row[5]: row[6] for row in rows}
        added = rows[0][3] if rows else now
        if rows:
            order_id = rows[0][0]
            cursor.execute(CHANGED, (True, now, order_id))
        else:
            cursor.execute(NEW_ORDER, (user, now, now))
            order_id = cursor.lastrowid
        if product in lines:
            quantity += lines[product]
            cursor.execute(LINE, (quantity, now, order_id, product))
        else:
            cursor.execute(NEW_LINE, (order_id, product, quantity, now, now))
    connection.commit()
    lines[product] = quantity
    return {"result": to_json(order_id, user, True, added, now, lines.items())}


def check_out(connection, user):
    now = datetime.now(UTC).replace(tzinfo=None)
    with connection.cursor() as cursor:
        if not cursor.execute(CART + " FOR UPDATE", (user,)):
            connection.rollback()
            return {"message": "No order found"}
        rows = cursor.fetchall()
        cursor.execute(CHANGED, (False, now, rows[0][0]))
    connection.commit()
    return {"result": to_json(*rows[0][:2], False, rows[0][3], now, [row[5:] for row in rows])}


def print_orders(file):
    """Print all orders as JSON, read by a single cursor that the server keeps."""
    with connect(cursorclass=SSCursor).cursor() as cursor:
        cursor.execute(ORDERS + " ORDER BY o.id")
        file.write("[")
        for number, (order, rows) in enumerate(groupby(cursor, itemgetter(0, 1, 2, 3, 4))):
            file.write("," if number else "")
            file.write(json.dumps(to_json(*order, [row[5:] for row in rows])))
        file.write("]\n")


def app(environ, start_response):
    if not hasattr(connections, "reader"):
        connections.reader, connections.writer = connect(autocommit=True), connect()
    user = user_id(environ["HTTP_AUTHORIZATION"])
    if environ["REQUEST_METHOD"] == "GET":
        answer = show(connections.reader, user)
    elif environ["PATH_INFO"] == "/api/order/add-item":
        form = parse_qs(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        product, quantity = int(form["product_id"][0]), int(form["qty"][0])
        answer = add(connections.writer, user, product, quantity)
    else:
        answer = check_out(connections.writer, user)
    body = json.dumps(answer).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    found = "result" in answer or environ["REQUEST_METHOD"] == "GET"
    start_response("200 OK" if found else "404 NOT FOUND", headers)
    return [body]


if __name__ == "__main__":
    print_orders(sys.stdout)
