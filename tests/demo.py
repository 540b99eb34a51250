"""``make run``: the service on port 5003, and a stand-in user-service where none is named."""

import os
import signal
import socket
import subprocess
import sys
import time

import config  # loads .env
from tests.user_service import DEMO_KEY, UserService

CURLS = f"""
order-service is ready. Paste these lines into another terminal (Ctrl-C here ends everything):

  curl -X POST localhost:5003/api/order/add-item -H 'Authorization: Basic {DEMO_KEY}' -d product_id=5 -d qty=2
  curl localhost:5003/api/order -H 'Authorization: Basic {DEMO_KEY}'
  curl -X POST localhost:5003/api/order/checkout -H 'Authorization: Basic {DEMO_KEY}'

Or open http://localhost:5003, and authorize with: Basic {DEMO_KEY}
"""  # noqa: E501  (lines to paste stay whole)


def free(port: int) -> None:
    """Exit with one line where another program listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            sys.exit(f"Port {port} is taken: end the program that listens there, and try again.")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    free(5003)
    curls = CURLS
    if "USER_SERVICE_URL" in os.environ:
        curls = curls.replace(DEMO_KEY, "YOUR_API_KEY")
    else:
        free(5001)
        UserService(("127.0.0.1", 5001)).start()
        os.environ["USER_SERVICE_URL"] = "http://127.0.0.1:5001"
    os.environ.setdefault("SQLALCHEMY_ECHO", "false")
    command = [sys.executable, "-m", "gunicorn", "-c", str(config.ROOT / "gunicorn.conf.py")]
    service = subprocess.Popen([*command, "run:app"], cwd=config.ROOT)
    # Ctrl-C reaches the service by itself; what else may end this program is passed on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: service.terminate())
    try:
        while service.poll() is None and not listening(5003):
            time.sleep(0.1)
        if service.poll() is None:
            print(curls, flush=True)
        sys.exit(service.wait())
    finally:
        service.terminate()


if __name__ == "__main__":
    main()
