"""``make run``: start the service on a port, and a stand-in user-service if none is set."""

import os
import signal
import subprocess
import sys
import time

import config  # loads .env
from demo.ports import exit_if_taken, listening
from demo.user_service import ADMIN_KEY, DEMO_KEY, UserService

USER_PORT = 5001
CURLS = """
order-service is ready. Paste these lines into another terminal (Ctrl-C here ends everything):

  curl -X POST localhost:{port}/api/order/add-item -H 'Authorization: Basic {key}' -d product_id=5 -d qty=2
  curl localhost:{port}/api/order -H 'Authorization: Basic {key}'
  curl -X POST localhost:{port}/api/order/checkout -H 'Authorization: Basic {key}'
  curl localhost:{port}/api/orders -H 'Authorization: Basic {admin_key}'

Or open http://localhost:{port} and authorize with: Basic {key}
"""  # noqa: E501  (a line to paste must not be broken)


def main(port: int) -> None:
    exit_if_taken(port)
    key, admin_key = "YOUR_API_KEY", "AN_ADMINISTRATORS_API_KEY"
    if not os.environ.get("USER_SERVICE_URL"):
        exit_if_taken(USER_PORT)
        user_service = UserService(("127.0.0.1", USER_PORT)).start()
        os.environ["USER_SERVICE_URL"] = user_service.url
        key, admin_key = DEMO_KEY, ADMIN_KEY
    os.environ.setdefault("SQLALCHEMY_ECHO", "false")
    serve(port, CURLS.format(port=port, key=key, admin_key=admin_key))


def serve(port: int, greeting: str) -> None:
    """Run the service until it ends, print the greeting once it serves, and exit."""
    # Without gunicorn's own lines: the workers log theirs when the port is open already, so after
    # the greeting, which must be the last text on the screen.
    command = [sys.executable, "-m", "gunicorn", "--log-level", "warning", "run:app"]
    settings = os.environ | {"PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": config.COUNTS_FOLDER}
    # In a process group of its own: Ctrl-C would reach gunicorn's workers twice, from the terminal
    # and from their master, and a worker can deadlock on the second one.
    with subprocess.Popen(command, cwd=config.ROOT, env=settings, process_group=0) as service:
        signal.signal(signal.SIGINT, lambda *_: service.send_signal(signal.SIGINT))
        for ending in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, lambda *_: service.terminate())
        try:
            while service.poll() is None and not listening(port):
                time.sleep(0.1)
            if service.poll() is None:
                print(greeting, flush=True)
            sys.exit(service.wait())
        finally:
            service.terminate()


def port_number(text: str = "5003") -> int:
    """Return the port that a text names, or exit with one line."""
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        sys.exit("PORT must be a number from 1024 to 65535")
    if int(text) == USER_PORT:
        sys.exit(f"PORT must not be {USER_PORT}, which is user-service's")
    return int(text)


if __name__ == "__main__":
    main(port_number(*sys.argv[1:]))
