"""Whether something listens on a port."""

import socket
import sys


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a connection to the port is accepted."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def exit_if_taken(port: int) -> None:
    """Exit with one line if another program listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            sys.exit(f"Port {port} is taken: stop the program that listens there and try again.")
