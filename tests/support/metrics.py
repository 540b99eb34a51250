"""Reading /metrics."""

import requests
from prometheus_client.parser import text_string_to_metric_families


def scrape(service) -> dict[tuple, float]:
    """Return each sample's value by its name and labels, without buckets and seconds."""
    answer = requests.get(f"{service.url}/metrics", timeout=60)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_sum", "_created"))
    }
