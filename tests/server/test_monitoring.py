"""The alert rules and the dashboard of docs/, by Prometheus' own tool and on real metrics."""

import json
import re
import subprocess

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

import config
from tests.support.needs import need_program
from tests.support.visit import Visit

ALERTS = config.ROOT / "docs" / "alerts.yml"
DASHBOARD = json.loads((config.ROOT / "docs" / "dashboard.json").read_text())
RULES = {rule["alert"]: rule for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]}
QUERIES = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPRESSIONS = [text["expr"] for text in (*RULES.values(), *QUERIES)]
OF_PROMETHEUS = {"job": "order-service", "instance": "shop:5003"}  # labels that it adds itself

ADDED = 'http_request_duration_seconds_count{{route="/api/order/add-item", status="{}"}}'
ADDED_WITHIN = 'http_request_duration_seconds_bucket{{route="/api/order/add-item", le="{}"}}'
ALL_WITHIN_2_5 = {ADDED_WITHIN.format(le): "0+100x20" for le in ("2.5", "+Inf")}
LISTED_WITHIN = 'http_request_duration_seconds_bucket{{route="/api/orders", le="{}"}}'
SLOW_LIST = {LISTED_WITHIN.format(le): "0+100x20" for le in ("2.5", "+Inf")}
CALLS = 'user_service_call_duration_seconds_count{{outcome="{}"}}'
# For each alert, the values of series, a minute apart, on which it fires, and on which it does not.
CASES = {
    "OrderServiceDown": (
        [{"up": "1x5 0x20"}, {}],
        [{"up": "1x5 0 1x20"}],
    ),
    "OrderServiceErrors": (
        [{ADDED.format(200): "0+94x20", ADDED.format(503): "0+6x20"}],
        [
            {ADDED.format(200): "0+96x20", ADDED.format(503): "0+4x20"},
            {ADDED.format(200): "0+96x20"},
        ],
    ),
    "OrderServiceSlow": (
        [{ADDED_WITHIN.format(1.0): "0+98x20", **ALL_WITHIN_2_5}],
        [{ADDED_WITHIN.format(1.0): "0+99.5x20", **ALL_WITHIN_2_5}, SLOW_LIST],
    ),
    "OrderServiceRetries": (
        [{"transaction_retries_total": "0+12x20", ADDED.format(200): "0+100x20"}],
        [{"transaction_retries_total": "0+8x20", ADDED.format(200): "0+100x20"}],
    ),
    "OrderDatabaseReadOnly": (
        [{"database_read_only": "0x5 1x20"}],
        [{"database_read_only": "0x5 1 0x20"}, {}],
    ),
    "UserServiceUnavailable": (
        [{CALLS.format("user"): "0+40x20", CALLS.format("unavailable"): "0+60x20"}],
        [{CALLS.format("user"): "0+60x20", CALLS.format("unavailable"): "0+40x20"}],
    ),
}


@pytest.fixture(scope="module")
def promtool():
    """Run promtool, which must succeed."""
    need_program("promtool")

    def run(*arguments):
        ended = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    return run


@pytest.fixture
def families(app, client, user_service, monkeypatch):
    """What /metrics shows after a visit during which everything has failed once."""
    visit = Visit(client)
    visit.shop()
    visit.break_off(app, user_service, monkeypatch)
    return list(text_string_to_metric_families(client.get("/metrics").text))


def trial(alert, series, fires):
    """Describe to promtool what an alert should make of some series."""
    rule, labels = RULES[alert], OF_PROMETHEUS
    if not series:  # no instance is known
        labels = {"job": labels["job"]}
    expected = {"exp_labels": rule["labels"] | labels, "exp_annotations": rule["annotations"]}
    return {
        "interval": "1m",
        "input_series": [
            {"series": _named(name), "values": values} for name, values in series.items()
        ],
        "alert_rule_test": [
            {"alertname": alert, "eval_time": "20m", "exp_alerts": [expected] if fires else []}
        ],
    }


def _named(series):
    name, _, labels = series.rstrip("}").partition("{")
    own = ", ".join(f'{label}="{value}"' for label, value in OF_PROMETHEUS.items())
    return f"{name}{{{own}, {labels}}}"


def test_the_rules_are_well_formed_and_each_has_a_trial(promtool):
    promtool("check", "rules", str(ALERTS))
    assert CASES.keys() == RULES.keys()


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_fires_when_it_should_and_only_then(promtool, tmp_path, alert):
    firing, quiet = CASES[alert]
    trials = [trial(alert, series, True) for series in firing]
    trials += [trial(alert, series, False) for series in quiet]
    file = tmp_path / "trials.json"  # JSON is YAML
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "tests": trials}))
    promtool("test", "rules", str(file))


def test_the_metrics_that_rules_and_panels_name_exist_with_these_labels(families):
    samples = [
        (sample.name, OF_PROMETHEUS | sample.labels)
        for family in families
        for sample in family.samples
    ]
    samples.append(("up", OF_PROMETHEUS))  # Prometheus' own
    for expression in EXPRESSIONS:
        selectors = re.findall(r"([a-z_]+)\{(.*?)\}", expression)
        assert selectors
        found = [labels for selector in selectors for labels in _selected(samples, *selector)]
        for names in re.findall(r"by \((.*?)\)", expression):
            assert set(names.split(", ")) <= set.union(*map(set, found)), expression


def _selected(samples, metric, matchers):
    """Return the labels of the samples that a selector selects: at least one."""
    found = [labels for name, labels in samples if name == metric]
    for label, operator, value in re.findall(r'(\w+)(=~|!=|=)"(.*?)"', matchers):
        found = [
            labels
            for labels in found
            if label in labels
            and bool(re.fullmatch(value if operator == "=~" else re.escape(value), labels[label]))
            != (operator == "!=")
        ]
        assert found, f'no {metric} with {label}{operator}"{value}"'
    return found


def test_the_dashboard_s_panels_have_places_and_legends_of_their_own():
    panels = DASHBOARD["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len({panel["id"] for panel in panels}) == len(panels)
    for query in QUERIES:
        for label in re.findall(r"{{(\w+)}}", query["legendFormat"]):
            grouped = re.search(r"by \((.*?)\)", query["expr"])
            assert label in (grouped[1].split(", ") if grouped else OF_PROMETHEUS)
