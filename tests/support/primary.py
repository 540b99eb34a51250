"""haproxy that follows the primary of a group of MySQL servers."""

from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from tests.support.balancer import Haproxy
from tests.support.processes import until

IS_PRIMARY = text(
    "SELECT COUNT(*) FROM performance_schema.replication_group_members"
    " WHERE member_id = @@server_uuid AND member_role = 'PRIMARY' AND member_state = 'ONLINE'"
    " AND NOT @@super_read_only"
)
KEPT, CUT = "", "on-marked-down shutdown-sessions"  # connections to a server that was the primary
SETTINGS = """
listen primary
    mode tcp
    bind 127.0.0.1:{port}
    option httpchk GET /
    timeout check 2s
    default-server check inter 300ms fall 2 rise 1 {sessions}
"""


@contextmanager
def primary_of(nodes: list[str], folder, sessions: str = KEPT):
    """Give the URL of a proxy that leads to the one of the nodes that is the primary."""
    settings = SETTINGS
    with ExitStack() as checks:
        for number, node in enumerate(nodes):
            check, url = checks.enter_context(PrimaryCheck(node)), make_url(node)
            settings += f"    server node{number} {url.host}:{url.port} check port {check.port}\n"
        proxy = checks.enter_context(Haproxy(folder, settings, sessions=sessions).running())
        # At first, haproxy takes all of them for up; "UP 1/2" is on its way down.
        until(lambda: sum("UP" in server["status"] for server in proxy.servers().values()) == 1)
        url = make_url(nodes[0]).set(host="127.0.0.1", port=proxy.port)
        yield url.render_as_string(hide_password=False)


def is_primary(engine: Engine) -> bool:
    """Return whether a server is its group's primary and takes writes; False if it is down."""
    try:
        with engine.connect() as connection:
            return connection.scalar(IS_PRIMARY) == 1
    except DBAPIError:
        return False


class PrimaryCheck(HTTPServer):
    """Answers 200 as long as a server is its group's primary and takes writes."""

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_port
        options = dict.fromkeys(["connect_timeout", "read_timeout"], 1)
        # By default, a new primary answers nothing until it has applied all changes.
        options["init_command"] = "SET SESSION group_replication_consistency = 'EVENTUAL'"
        self.engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args=options)

    def __enter__(self) -> "PrimaryCheck":
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.shutdown()
        self.server_close()
        self.engine.dispose()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if is_primary(self.server.engine) else 503)
        self.end_headers()

    def log_message(self, *_args):
        """Log nothing."""
