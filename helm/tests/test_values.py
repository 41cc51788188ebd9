"""What the chart takes, and that it says so."""

import json
import re
import tempfile
import tomllib
import unittest

import readme
from chart import CHART, HELMS, ROOT, SCENARIOS, Refused, helm, render, values_of

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
# Settings that the chart decides: the others are in values.
OWN = {
    "mode",
    "listen",
    "public_url",
    "data_dir",
    "organization_slug",
    "organization_name",
    "admin_email",
    "admin_password",
    "database_url",
    "amqp_url",
    "smtp_url",
    "contacts_url",
    "invitations_url",
    "notifications_url",
    "contacts_listen",
    "invitations_listen",
    "notifications_listen",
    "private_listen",
    "seal_keys",
    "field_keys",
    "service_keys",
    "signing_keys",
    "tls.database_ca",
    "tls.amqp_ca",
    "tls.otlp_ca",
    "tls.smtp_ca",
    "tls.oidc_ca",
    "oidc.providers",
}


def settings_of_the_programs() -> set:
    defaults = tomllib.loads((ROOT / "crates" / "service" / "usher.toml").read_text())
    return {".".join(path) for path in readme.leaves(defaults)}


class Values(unittest.TestCase):
    def test_lint_finds_nothing(self):
        for version in HELMS:
            for scenario in SCENARIOS:
                with self.subTest(version=version, scenario=scenario):
                    helm(version, "lint", "--strict", str(CHART), "--values", values_of(scenario))

    def test_the_handbooks_values_are_taken(self):
        blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```$", (ROOT / "docs" / "operations.md").read_text())
        self.assertEqual(len(blocks), 3)
        for block in blocks:
            with self.subTest(block=block), tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
                values.write(block)
                values.flush()
                helm("4", "template", "usher", str(CHART), "--values", values_of("minimal"), "--values", values.name)

    def test_what_is_not_known_is_refused(self):
        unknown = [
            "replicas=3",
            "gateway.replica=3",
            "gateway.pod.securityContext.runAsUser=0",
            "invitations.autoscaling.by=cpu",
            "secrets.database.url=postgres://user:password@host/usher",
            "authorities.cache.name=redis-ca",
            "authorities.smtp.file=ca.crt",
            "secrets.database.value=postgres://user:password@host/usher",
            "settings.database_url=postgres://user:password@host/usher",
            "settings.mail.form=portal@firm.example",
            "monitoring.rule.enabled=true",
        ]
        wrong = [
            "gateway.replicas=many",
            "gateway.autoscaling.by=queue",
            "contacts.autoscaling.by=queue",
            "notifications.autoscaling.by=cpu",
            "notifications.autoscaling.by=both",
            "gateway.image.digest=latest",
            "publicUrl=portal.firm.example",
            "settings.mail.keep_days=30",
            "settings.telemetry.sample_ratio=2",
            "pod.topologySpread.zone=Never",
            "bindAddress=127.0.0.1",
        ]
        for version in HELMS:
            for pair in unknown + wrong:
                with self.subTest(version=version, pair=pair), self.assertRaises(Refused) as refusal:
                    render("minimal", version, pair)
                self.assertIn(pair.split("=")[0].split(".")[0], str(refusal.exception))

    def test_what_is_missing_is_asked_for_by_name(self):
        for name in ["publicUrl", "admin.email", "settings.mail.from"]:
            with self.subTest(name=name), self.assertRaises(Refused) as refusal:
                render("minimal", "4", f"{name}=")
            self.assertIn(f"{name}: the address", str(refusal.exception))
        with self.assertRaises(Refused) as refusal:
            render("minimal", "4", "route.enabled=true")
        self.assertIn("route.parentRefs", str(refusal.exception))

    def test_settings_are_those_of_the_programs(self):
        tables = SCHEMA["definitions"]["settings"]["properties"]
        taken = {
            f"{name}.{key}" if "properties" in table else name
            for name, table in tables.items()
            for key in table.get("properties", {name: None})
        }
        self.assertEqual(taken, settings_of_the_programs() - OWN)

    def test_every_object_of_ours_in_the_schema_is_closed(self):
        def walk(schema, place):
            if isinstance(schema, dict):
                if "properties" in schema and "required" not in schema:
                    self.assertIs(schema.get("additionalProperties"), False, place)
                for key, below in schema.items():
                    walk(below, f"{place}/{key}")

        walk(SCHEMA, "")

    def test_every_value_has_a_comment(self):
        said = readme.comments()
        for path in readme.leaves(readme.at(())):
            covered = any(path[:length] in said for length in range(len(path), 0, -1))
            own = path in said or not readme.is_section(max((p for p in said if path[: len(p)] == p), key=len), said)
            self.assertTrue(covered and own, ".".join(path))

    def test_the_readme_is_fresh(self):
        self.assertEqual(readme.README.read_text(), readme.text(), "run scripts/chart write")

    def test_the_chart_has_the_version_of_the_programs(self):
        workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
        self.assertRegex((CHART / "Chart.yaml").read_text(), rf'(?m)^appVersion: "{re.escape(workspace)}"$')
