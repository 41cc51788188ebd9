"""What comes out of the chart."""

import difflib
import functools
import re
import unittest

import jsonschema
import kubernetes_validate
import kubernetes_validate.utils
import yaml

from chart import GOLDEN, HELMS, ROOT, SCENARIOS, SERVICES, notes_of, objects, parse, render, rendered

# Kinds of others, whose schemas are not Kubernetes' own: those in crds are as narrow as the chart's use of them.
FOREIGN = {
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "ScaledObject": "keda.sh/v1alpha1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
}
# The schemas that the validator brings, of its newest three versions of Kubernetes.
VERSIONS = [f"1.{minor}" for minor in (35, 36, 37)]


# It reads the schemas from their files for each object; they do not change meanwhile.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)


TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


@functools.cache
def foreign(kind: str) -> jsonschema.Draft202012Validator:
    spec = yaml.safe_load((ROOT / "helm" / "tests" / "crds" / f"{kind}.yaml").read_text())
    names = {"type": "string", "minLength": 1, "maxLength": 63}
    metadata = {"name": names, "namespace": names, "labels": TEXTS, "annotations": TEXTS}
    parts = {
        "apiVersion": {"const": FOREIGN[kind]},
        "kind": {"const": kind},
        "metadata": {"type": "object", "properties": metadata, "required": ["name"], "additionalProperties": False},
        "spec": {key: value for key, value in spec.items() if key != "$defs"},
    }
    whole = {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}
    whole["$defs"] = spec.get("$defs", {})
    jsonschema.Draft202012Validator.check_schema(whole)
    return jsonschema.Draft202012Validator(whole)


class Manifests(unittest.TestCase):
    maxDiff = None

    def test_they_are_the_expected_ones(self):
        self.assertEqual({path.stem for path in GOLDEN.glob("*.yaml")}, set(SCENARIOS), "run scripts/chart write")
        for scenario in SCENARIOS:
            expected = (GOLDEN / f"{scenario}.yaml").read_text().splitlines()
            difference = difflib.unified_diff(expected, rendered(scenario).splitlines(), "expected", "rendered", n=2, lineterm="")
            text = "\n".join(difference)
            self.assertFalse(text, f"{scenario}: look at the difference, then scripts/chart write\n{text}")

    def test_helm_3_and_4_render_the_same_again_and_again(self):
        for scenario in SCENARIOS:
            for version in HELMS:
                with self.subTest(scenario=scenario, version=version):
                    self.assertEqual(parse(render(scenario, version)), objects(scenario))

    def test_kubernetes_takes_them(self):
        for scenario in SCENARIOS:
            for found in objects(scenario):
                kind = found["kind"]
                if kind in FOREIGN:
                    with self.subTest(scenario=scenario, kind=kind, name=found["metadata"]["name"]):
                        foreign(kind).validate(found)
                    continue
                for version in VERSIONS:
                    with self.subTest(scenario=scenario, version=version, kind=kind, name=found["metadata"]["name"]):
                        kubernetes_validate.validate(found, version, strict=True)

    def test_what_kubernetes_does_not_know_is_noticed(self):
        [deployment] = [found for found in objects("minimal") if found["metadata"]["name"] == "portal-usher-gateway" and found["kind"] == "Deployment"]
        wrong = {**deployment, "spec": {**deployment["spec"], "replica": 1}}
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)

    def test_what_kinds_of_others_do_not_know_is_noticed_at_every_depth(self):
        def closed(schema, place):
            if isinstance(schema, dict):
                if schema.get("type") == "object":
                    self.assertIn("additionalProperties", schema, place)
                for key, below in schema.items():
                    closed(below, f"{place}/{key}")

        for kind in FOREIGN:
            closed(foreign(kind).schema, kind)
            found = next(found for found in objects("all-on") if found["kind"] == kind)
            wrong = {**found, "spec": {**found["spec"], "typo": 1}}
            self.assertFalse(foreign(kind).is_valid(wrong), kind)

    def test_the_examples_are_objects(self):
        files = sorted((ROOT / "helm" / "examples").glob("*.yaml"))
        self.assertEqual([path.stem for path in files], ["cloudnative-pg", "external-secrets", "rabbitmq"])
        for path in files:
            for found in parse(path.read_text()):
                with self.subTest(file=path.name):
                    self.assertTrue({"apiVersion", "kind", "metadata", "spec"} <= set(found))

    def test_nothing_stands_twice(self):
        for scenario in SCENARIOS:
            names = [(found["kind"], found["metadata"]["name"]) for found in objects(scenario)]
            self.assertEqual(len(names), len(set(names)), scenario)

    def test_all_on_has_every_kind(self):
        kinds = {found["kind"] for found in objects("all-on")}
        own = {"ConfigMap", "CronJob", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Job", "NetworkPolicy", "Pod"}
        own |= {"PodDisruptionBudget", "Service", "ServiceAccount"}
        self.assertEqual(kinds, own | set(FOREIGN))

    def test_no_template_names_a_service_but_the_four_callers_and_the_facts(self):
        templates = ROOT / "helm" / "usher" / "templates"
        for name in SERVICES:
            caller = (templates / f"{name}.yaml").read_text()
            self.assertEqual(caller, f'{{{{ include "usher.workload" (dict "root" $ "name" "{name}") }}}}\n')


class Switches(unittest.TestCase):
    def kinds(self, *sets: str) -> list:
        found = parse(render("minimal", "4", *sets))
        return [(one["kind"], one["metadata"]["name"].removeprefix("portal-usher-")) for one in found]

    def test_one_pod_alone_has_no_budget_that_would_block_a_drain(self):
        self.assertIn(("PodDisruptionBudget", "gateway"), self.kinds())
        self.assertNotIn(("PodDisruptionBudget", "gateway"), self.kinds("gateway.replicas=1"))
        scaled = self.kinds("gateway.replicas=1", "gateway.autoscaling.by=cpu")
        self.assertIn(("PodDisruptionBudget", "gateway"), scaled)

    def test_migrations_may_be_somebody_elses(self):
        self.assertNotIn("migrate", [name for _, name in self.kinds("migrations.enabled=false")])

    def test_policies_may_be_off(self):
        self.assertNotIn("NetworkPolicy", [kind for kind, _ in self.kinds("networkPolicy.enabled=false")])

    def test_the_notes_tell_what_to_do_next(self):
        notes = notes_of("minimal")
        self.assertIn("https://portal.firm.example", notes)
        self.assertIn("port-forward service/portal-usher-gateway 8080:80", notes)
        self.assertIn("is invited by mail", notes)
        self.assertIn("networkPolicy.enabled is off", notes_of("external-secrets"))
        self.assertNotIn("port-forward", notes_of("production"))


class Labels(unittest.TestCase):
    def test_every_object_says_what_it_is(self):
        for scenario in SCENARIOS:
            for found in objects(scenario):
                if found["metadata"]["name"] == "portal-more":
                    continue  # somebody's own
                labels = found["metadata"]["labels"]
                with self.subTest(scenario=scenario, kind=found["kind"], name=found["metadata"]["name"]):
                    self.assertEqual(labels["app.kubernetes.io/part-of"], "usher")
                    self.assertEqual(labels["app.kubernetes.io/instance"], "portal")
                    self.assertEqual(labels["app.kubernetes.io/managed-by"], "Helm")
                    self.assertEqual(labels["app.kubernetes.io/version"], "0.1.0")
                    self.assertIn(labels["app.kubernetes.io/name"], {"usher", "portal"})
                    self.assertRegex(labels["helm.sh/chart"], r"^usher-\d+\.\d+\.\d+$")
                    self.assertEqual(found["metadata"]["namespace"], "clients")

    def test_selectors_hold_what_never_changes_and_find_their_pods(self):
        stable = {f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")}
        for scenario in SCENARIOS:
            for found in objects(scenario):
                if found["kind"] != "Deployment":
                    continue
                selector = found["spec"]["selector"]["matchLabels"]
                self.assertEqual(set(selector), stable)
                self.assertLessEqual(selector.items(), found["spec"]["template"]["metadata"]["labels"].items())

    def test_a_new_version_of_the_chart_alone_starts_no_pod_anew(self):
        for scenario in SCENARIOS:
            for found in objects(scenario):
                if found["kind"] in ("Deployment", "Job"):
                    self.assertNotIn("helm.sh/chart", found["spec"]["template"]["metadata"]["labels"])

    def test_names_fit(self):
        for found in objects("all-on"):
            self.assertLessEqual(len(found["metadata"]["name"]), 63)
            self.assertTrue(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", found["metadata"]["name"]))
        long = parse(render("minimal", "4", f"fullnameOverride={'a' * 80}"))
        self.assertLessEqual(max(len(found["metadata"]["name"]) for found in long), 63)
