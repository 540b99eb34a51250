"""``make run``: start the service on port 5003, and a stand-in user-service if none is set."""

import os
import signal
import subprocess
import sys
import time

import config  # loads .env
from demo.ports import exit_if_taken, listening
from demo.user_service import DEMO_KEY, UserService

CURLS = f"""
order-service is ready. Paste these lines into another terminal (Ctrl-C here ends everything):

  curl -X POST localhost:5003/api/order/add-item -H 'Authorization: Basic {DEMO_KEY}' -d product_id=5 -d qty=2
  curl localhost:5003/api/order -H 'Authorization: Basic {DEMO_KEY}'
  curl -X POST localhost:5003/api/order/checkout -H 'Authorization: Basic {DEMO_KEY}'

Or open http://localhost:5003 and authorize with: Basic {DEMO_KEY}
"""  # noqa: E501  (a line to paste must not be broken)


def main() -> None:
    exit_if_taken(5003)
    curls = CURLS
    if "USER_SERVICE_URL" in os.environ:
        curls = curls.replace(DEMO_KEY, "YOUR_API_KEY")
    else:
        exit_if_taken(5001)
        UserService(("127.0.0.1", 5001)).start()
        os.environ["USER_SERVICE_URL"] = "http://127.0.0.1:5001"
    os.environ.setdefault("SQLALCHEMY_ECHO", "false")
    command = [sys.executable, "-m", "gunicorn", "-c", str(config.ROOT / "gunicorn.conf.py")]
    # In a process group of its own: Ctrl-C would reach gunicorn's workers twice, from the terminal
    # and from their master, and a worker can deadlock on the second one.
    service = subprocess.Popen([*command, "run:app"], cwd=config.ROOT, process_group=0)
    signal.signal(signal.SIGINT, lambda *_: service.send_signal(signal.SIGINT))
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
