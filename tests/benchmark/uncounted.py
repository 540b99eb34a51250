"""The service without its metrics, to show what they cost."""

from prometheus_client import Counter, Histogram

from application.serving import metrics
from run import app  # noqa: F401  (for gunicorn)

metrics.count = lambda *_: None
Counter.inc = Histogram.observe = lambda *_, **__: None
