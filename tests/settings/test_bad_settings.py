"""A value that cannot be used is refused with one line, in which no password is."""

import json
import sys

import pytest

from application import create_app
from tests.support.gunicorn import copy_of_the_service, run_gunicorn
from tests.support.processes import free_port

MYSQL_URL = "mysql+pymysql://user:secret@127.0.0.1/orders"
ENCODE = "encode user and password (@ as %40, % as %25, / as %2F), or set DATABASE_PASSWORD"
OUR_OWN = "the service has a value of its own"
NOT_IN_URL = "must have no user, password, query or fragment"
NO_FOLDER = "must name a folder that can be written"
CLOSED_PORT = free_port()

REFUSED = [
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
    ("DATABASE_URL", "mysql+pymysql://user:%E9secret@127.0.0.1/orders", ENCODE),
    ("DATABASE_URL", f"{MYSQL_URL}?ssl-mode=DISABLED", "the driver refuses its options: "),
    ("DATABASE_URL", f"{MYSQL_URL}?ssl_mode=DISABLED", "keyword argument 'ssl_mode'"),
    ("DATABASE_URL", f"{MYSQL_URL}?charset=utf-8", "the driver refuses its options: "),
    ("DATABASE_URL", f"{MYSQL_URL}?connect_timeout=abc", "the driver refuses"),
    ("DATABASE_URL", f"{MYSQL_URL}?ssl_ca=/no/ca.pem", "No such file or directory"),
    ("DATABASE_URL", f"{MYSQL_URL}?ssl_cert=/no&ssl_key=/no", "No such file or directory"),
    ("DATABASE_URL", f"{MYSQL_URL}?read_timeout=60", OUR_OWN),
    ("DATABASE_URL", f"{MYSQL_URL}?init_command=SELECT+1", OUR_OWN),
    ("DATABASE_URL", f"{MYSQL_URL}?sql_mode=ANSI", OUR_OWN),
    ("DATABASE_URL", "sqlite:///order.db?timeout=60", OUR_OWN),
    ("DATABASE_URL", "sqlite://", "must name a file"),
    ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
    ("DATABASE_URL", "sqlite:///file:a?mode=memory&uri=true", "must name a file"),
    ("DATABASE_URL", "sqlite://order.db", "must name a file"),
    ("DATABASE_URL", "sqlite:///order.db?timeout=abc", "the driver refuses its options: "),
    ("DATABASE_PASSWORD", "secret", "needs a DATABASE_URL with a server"),
    ("DATABASE_PASSWORD_FILE", "/no/secret", "must name a file that can be read: No such file"),
    ("DATABASE_PASSWORD_FILE", "/etc", "must name a file that can be read: Is a directory"),
    ("DATABASE_PASSWORD_FILE", sys.executable, "must name a file that can be read: it is not in"),
    ("DATABASE_PASSWORD_FILE", "/dev/null", "must name a file that is not empty"),
    ("DATABASE_URL_FILE", "/no/file", "DATABASE_URL and DATABASE_URL_FILE cannot both be set"),
    ("PORT", "0", "must be a whole number above 0, up to 65535"),
    ("PORT", "65536", "must be a whole number above 0, up to 65535"),
    ("PORT", "tcp://10.0.0.1:5003", "must be a whole number above 0, up to 65535"),
    ("BIND_ADDRESS", "localhost", "must be an address, as in 127.0.0.1 or ::1"),
    ("BIND_ADDRESS", "127.0.0.1:5003", "must be an address, as in 127.0.0.1 or ::1"),
    ("USER_SERVICE_CA", "/no/ca.pem", "must name a file of certificates in PEM"),
    ("USER_SERVICE_CA", __file__, "must name a file of certificates in PEM"),
    ("USER_SERVICE_CA", "/etc", "must name a file of certificates in PEM"),
    ("USER_SERVICE_URL", "user-service", "must be a URL"),
    ("USER_SERVICE_URL", "http://[secret", "must be a URL"),
    ("USER_SERVICE_URL", "http://svc:secret@host", NOT_IN_URL),
    ("USER_SERVICE_URL", "http://svc@host", NOT_IN_URL),
    ("USER_SERVICE_URL", "http://host/users?secret", NOT_IN_URL),
    ("USER_SERVICE_URL", "http://host?", NOT_IN_URL),
    ("USER_SERVICE_URL", "http://host#secret", NOT_IN_URL),
    ("USER_SERVICE_URL", "http://host/api/user/", "must end before /api/user"),
    ("USER_SERVICE_TIMEOUT", "abc", "must be a number above 0"),
    ("USER_SERVICE_TIMEOUT", "0", "must be a number above 0"),
    ("USER_SERVICE_TIMEOUT", "inf", "must be a number above 0, up to 2147483647"),
    ("USER_CACHE_TTL", "-1", "must be a number from 0"),
    ("USER_CACHE_TTL", "nan", "must be a number from 0"),
    ("IDEMPOTENCY_KEY_TTL", "1e300", "must be a number from 0 to 2147483647"),
    ("MAX_CONTENT_LENGTH", "64k", "must be a whole number above 0"),
    ("ORDERS_REQUIRE_ADMIN", "perhaps", "must be true or false"),
    ("LOG_JSON", "perhaps", "must be true or false"),
    ("TRUST_FORWARDED_PREFIX", "/shop", "must be true or false"),
    ("TRUST_FORWARDED_FOR", "10.0.0.1", "must be true or false"),
    ("SCRIPT_NAME", "shop", "must be a path, as in /shop"),
    ("SCRIPT_NAME", "//shop", "must be a path, as in /shop"),
]
# Each in its way: by the settings, by the log's own, by the driver, by the server's file.
STOPPED = [
    ("CONFIGURATION_SETUP", "config.Nothing", "must be one of config.DevelopmentConfig, "),
    ("DATABASE_URL", "mysql+pymysql://user:100%secret@127.0.0.1/orders", ENCODE),
    ("DATABASE_URL", f"mysql+pymysql://user:secret@127.0.0.1:{CLOSED_PORT}/orders", "refused"),
    ("DATABASE_URL", "mysql+pymysql://user:secret@/orders?unix_socket=/no/socket", "No such file"),
    ("DATABASE_URL", "sqlite:////no/folder/order.db", "unable to open database file"),
    ("DATABASE_URL", f"sqlite:///{__file__}", "file is not a database"),
    ("LOG_LEVEL", "loud", "must be DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    ("PROMETHEUS_MULTIPROC_DIR", "/etc/passwd/counts", f"{NO_FOLDER}: Not a directory"),
    ("TMPDIR", "/no/folder", f"{NO_FOLDER}: No such file or directory"),
    ("WEB_CONCURRENCY", "0", "must be a whole number above 0"),
    ("PORT", "http", "must be a whole number above 0, up to 65535"),
]


@pytest.mark.parametrize("line", REFUSED, ids=lambda line: f"{line[0]}={line[1]}")
def test_a_bad_value_is_refused_with_one_line_that_names_it(monkeypatch, tmp_path, line):
    name, value, words = line
    settings = {
        "CONFIGURATION_SETUP": "config.ProductionConfig",
        "DATABASE_URL": f"sqlite:///{tmp_path}/order.db",
        name: value,
    }
    for setting in settings.items():
        monkeypatch.setenv(*setting)
    with pytest.raises(SystemExit) as end:
        create_app()
    message = end.value.code
    assert name in message
    assert words in message
    assert "secret" not in message
    assert "\n" not in message


def the_fault(ended):
    """Return the message of the one error in a log whose lines are all JSON, without traceback."""
    assert ended.returncode == 1
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    (fault,) = [line for line in lines if line["level"] not in {"INFO", "WARNING"}]
    assert "\n" not in fault["message"]
    assert "Traceback" not in ended.stdout
    assert "secret" not in ended.stdout
    return fault["message"]


@pytest.mark.slow  # a server for each value
@pytest.mark.parametrize("line", STOPPED, ids=lambda line: f"{line[0]}={line[1]}")
def test_a_bad_value_stops_the_server_and_one_line_of_its_log_says_why(tmp_path, line):
    name, value, words = line
    message = the_fault(run_gunicorn(tmp_path, **{name: value}))
    assert name in message
    assert words in message
    assert list(tmp_path.glob("order-service-counts-*")) == []


@pytest.mark.slow  # a server for each value
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
