"""Alerts and dashboard ask for what the programs export, and the handbook knows each alert."""

import json
import re
import unittest

import promql_parser

from chart import CHART, ROOT, SERVICES, component, of_kind

DASHBOARD = json.loads((CHART / "dashboards" / "usher.json").read_text())
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def sources() -> str:
    folders = ("crates", "services", "gateway")
    return "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("src/**/*.rs"))


def alerts() -> list:
    [rule] = of_kind("production", "PrometheusRule")
    return [alert for group in rule["spec"]["groups"] for alert in group["rules"]]


def questions() -> list:
    """Every expression that Prometheus is asked."""
    asked = [alert["expr"] for alert in alerts()]
    asked += [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    asked += [variable["query"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
    return asked


def as_prometheus_is_asked(asked: str) -> str:
    """Without what only Grafana knows."""
    if inner := re.fullmatch(r"label_values\((.+), \w+\)", asked):
        asked = inner[1]
    for name, value in {"__rate_interval": "2m", "namespace": "clients", "release": "portal-usher"}.items():
        asked = re.sub(rf"\${name}\b", value, asked)
    return asked


class Monitoring(unittest.TestCase):
    def test_prometheus_can_read_every_expression(self):
        documented = re.findall(r"(?m)^ +query: (.+)$", OPERATIONS)
        self.assertEqual(len(documented), 1)
        for asked in map(as_prometheus_is_asked, questions() + documented):
            with self.subTest(asked=asked):
                self.assertNotIn("$", asked)
                promql_parser.parse(asked)
        for wrong in ("rate(up)", "sum by (type (up)", "upp(up)"):
            self.assertRaises(ValueError, promql_parser.parse, wrong)

    def test_every_metric_is_one_that_the_programs_export(self):
        code = sources()
        names = {name for asked in questions() for name in re.findall(r"\b(?:usher|http_server)_[a-z_]+", asked)}
        self.assertEqual(len(names), 11, names)
        for name in names:
            plain = re.sub(r"(_seconds)?(_bucket|_sum|_count|_total)?$", "", name).replace("_", ".")
            self.assertIn(f'"{plain}"', code, name)
        labels = {name for asked in questions() for name in re.findall(r"\bhttp_(?!server)[a-z_]+", asked)}
        self.assertEqual(labels, {"http_route", "http_response_status_code"})
        for exported in ("http.route", "http.response.status_code"):
            self.assertIn(f'KeyValue::new("{exported}"', code)

    def test_every_event_is_one_that_the_programs_publish(self):
        kinds = set(re.findall(r'"(usher\.[a-z]+\.[a-z_]+\.v1)"', sources()))
        for asked in questions():
            for operator, pattern in re.findall(r'type(=~?)"([^"]+)"', asked):
                expression = re.compile(pattern if operator == "=~" else re.escape(pattern))
                found = {kind for kind in kinds if expression.fullmatch(kind)}
                self.assertTrue(found, pattern)
                # each alternative stands for something
                for part in re.findall(r"\(([a-z_|]+)\)", pattern):
                    for word in part.split("|"):
                        self.assertTrue(any(word in kind for kind in found), (pattern, word))

    def test_states_are_those_of_the_programs(self):
        states = {state for asked in questions() for state in re.findall(r'state="([A-Z]+)"', asked)}
        self.assertEqual(states, {"RUNNING"})
        self.assertIn('Running = "RUNNING"', sources())

    def test_the_handbook_says_of_each_alert_what_to_do(self):
        for name in {alert["alert"] for alert in alerts()}:
            self.assertEqual(len(re.findall(rf"(?m)^\| `{name}` \|", OPERATIONS)), 1, name)

    def test_alerts_say_how_bad_it_is_and_wait_before_they_speak(self):
        self.assertEqual(len(alerts()), 14)
        for alert in alerts():
            self.assertIn(alert["labels"]["severity"], {"warning", "critical"})
            self.assertRegex(alert["for"], r"^\d+[mh]$")
            self.assertTrue(alert["annotations"]["summary"])

    def test_metrics_of_all_four_are_read(self):
        [monitor] = of_kind("production", "ServiceMonitor")
        [endpoint] = monitor["spec"]["endpoints"]
        selector = monitor["spec"]["selector"]["matchLabels"].items()
        read = [
            component(service)
            for service in of_kind("production", "Service")
            if selector <= service["metadata"]["labels"].items()
            and endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        ]
        self.assertEqual(sorted(read), sorted(SERVICES))

    def test_what_may_be_open_to_the_world_has_no_metrics(self):
        for service in of_kind("production", "Service"):
            if service["spec"].get("clusterIP") != "None":
                self.assertEqual([port["name"] for port in service["spec"]["ports"]], ["http"])

    def test_the_dashboard_arrives_whole(self):
        [board] = [found for found in of_kind("production", "ConfigMap") if "usher.json" in found["data"]]
        self.assertEqual(json.loads(board["data"]["usher.json"]), DASHBOARD)
        self.assertEqual(board["metadata"]["labels"]["grafana_dashboard"], "1")
        places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
        self.assertEqual(len({(place["x"], place["y"]) for place in places}), len(places))
