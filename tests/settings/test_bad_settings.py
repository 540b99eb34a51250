"""Each value that cannot be used stops the server as shipped, and one line of its log says why."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.gunicorn import copy_of_the_service, run_gunicorn
from tests.support.processes import free_port

MYSQL_URL = "mysql+pymysql://user:secret@127.0.0.1/orders"
ENCODE = "encode user and password (@ as %40, % as %25, / as %2F), or set DATABASE_PASSWORD"
CLOSED_PORT = free_port()

TABLE = [
    ("CONFIGURATION_SETUP", "config.Nothing", "must be one of config.DevelopmentConfig, "),
    ("DATABASE_URL", "", "must be set"),
    ("DATABASE_URL", "not a url with secret", "must be a URL"),
    ("DATABASE_URL", "mysql://user:secret@127.0.0.1/orders", "must be a URL, as in mysql+pymysql"),
    ("DATABASE_URL", "mysql+pymysql://user:secret/orders", "must be a URL"),
    ("DATABASE_URL", "mysql+pymysql://user:secret@127.0.0.1:70000/orders", "must be a URL"),
    ("DATABASE_URL", "mysql+pymysql://user:secret@.host/orders", "must be a URL"),
    ("DATABASE_URL", "mysql+pymysql://user:secret@127.0.0.1", "must name a database"),
    ("DATABASE_URL", "mysql+pymysql://user:pass@secret@127.0.0.1/orders", ENCODE),
    ("DATABASE_URL", "mysql+pymysql://user:pass@secret/word@127.0.0.1/orders", ENCODE),
    ("DATABASE_URL", "mysql+pymysql://us/er:secret@127.0.0.1/orders", ENCODE),
    ("DATABASE_URL", "mysql+pymysql://user:100%secret@127.0.0.1/orders", ENCODE),
    ("DATABASE_URL", "mysql+pymysql://user:%E9secret@127.0.0.1/orders", ENCODE),
    ("DATABASE_URL", f"{MYSQL_URL}?ssl-mode=DISABLED", "the driver refuses its options: "),
    ("DATABASE_URL", f"{MYSQL_URL}?ssl_mode=DISABLED", "keyword argument 'ssl_mode'"),
    ("DATABASE_URL", f"{MYSQL_URL}?charset=utf-8", "the driver refuses its options: "),
    ("DATABASE_URL", f"{MYSQL_URL}?connect_timeout=abc", "the driver refuses"),
    ("DATABASE_URL", f"{MYSQL_URL}?ssl_ca=/no/ca.pem", "No such file or directory"),
    ("DATABASE_URL", f"{MYSQL_URL}?ssl_cert=/no&ssl_key=/no", "No such file or directory"),
    ("DATABASE_URL", f"mysql+pymysql://user:secret@127.0.0.1:{CLOSED_PORT}/orders", "refused"),
    ("DATABASE_URL", "mysql+pymysql://user:secret@/orders?unix_socket=/no/socket", "No such file"),
    ("DATABASE_URL", "sqlite://", "must name a file"),
    ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
    ("DATABASE_URL", "sqlite:///file:a?mode=memory&uri=true", "must name a file"),
    ("DATABASE_URL", "sqlite://order.db", "must name a file"),
    ("DATABASE_URL", "sqlite:////no/folder/order.db", "unable to open database file"),
    ("DATABASE_URL", f"sqlite:///{__file__}", "file is not a database"),
    ("DATABASE_URL", "sqlite:///order.db?timeout=abc", "the driver refuses its options: "),
    ("DATABASE_PASSWORD", "secret", "needs a DATABASE_URL with a server"),
    ("USER_SERVICE_URL", "user-service", "must be a URL"),
    ("USER_SERVICE_URL", "http://[secret", "must be a URL"),
    ("USER_SERVICE_TIMEOUT", "abc", "must be a number above 0"),
    ("USER_SERVICE_TIMEOUT", "0", "must be a number above 0"),
    ("USER_SERVICE_TIMEOUT", "inf", "must be a number above 0, up to 2147483647"),
    ("USER_CACHE_TTL", "-1", "must be a number from 0"),
    ("USER_CACHE_TTL", "nan", "must be a number from 0"),
    ("IDEMPOTENCY_KEY_TTL", "1e300", "must be a number from 0 to 2147483647"),
    ("MAX_CONTENT_LENGTH", "64k", "must be a whole number above 0"),
    ("ORDERS_REQUIRE_ADMIN", "perhaps", "must be true or false"),
    ("LOG_LEVEL", "loud", "must be DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    ("LOG_JSON", "perhaps", "must be true or false"),
    ("TRUST_FORWARDED_PREFIX", "/shop", "must be true or false"),
    ("SCRIPT_NAME", "shop", "must be a path, as in /shop"),
    ("SCRIPT_NAME", "//shop", "must be a path, as in /shop"),
    ("PROMETHEUS_MULTIPROC_DIR", "/etc/passwd/counts", "cannot be used: Not a directory"),
    ("TMPDIR", "/no/folder", "must be set: /no/folder: No such file or directory"),
]


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """Start one server for each line of the table, several at once."""

    def start(line):
        name, value, _ = line
        folder = tmp_path_factory.mktemp("start")
        ended = run_gunicorn(folder, **{name: value})
        return ended, list(folder.glob("order-service-counts-*"))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        yield {line: threads.submit(start, line) for line in TABLE}
        threads.shutdown(cancel_futures=True)


def the_fault(ended):
    """Return the message of the one error in a log whose lines are all JSON, without traceback."""
    assert ended.returncode == 1
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    (fault,) = [line for line in lines if line["level"] not in {"INFO", "WARNING"}]
    assert "\n" not in fault["message"]
    assert "Traceback" not in ended.stdout
    assert "secret" not in ended.stdout
    return fault["message"]


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line[0]}={line[1]}")
def test_a_bad_value_stops_the_start_with_one_line_that_names_it(starts, line):
    ended, left = starts[line].result()
    name, _, words = line
    message = the_fault(ended)
    assert name in message
    assert words in message
    assert left == []


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_of_settings_in_another_encoding_is_named(tmp_path, encoding):
    project = copy_of_the_service(tmp_path)
    (project / ".env").write_text("DATABASE_URL=sqlite:///é\n", encoding)
    ended = run_gunicorn(tmp_path, cwd=project)
    assert the_fault(ended) == ".env must be a text file in UTF-8"


def test_a_file_of_settings_may_begin_with_a_byte_order_mark(tmp_path):
    project = copy_of_the_service(tmp_path)
    (project / ".env").write_text("USER_CACHE_TTL=abc\n", "utf-8-sig")
    ended = run_gunicorn(tmp_path, cwd=project)
    assert the_fault(ended).startswith("USER_CACHE_TTL must be a number")
