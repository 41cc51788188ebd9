"""How pods run: what they may, how they are asked for their health, where they get settings and secrets from."""

import re
import tomllib
import unittest

from chart import ROOT, SCENARIOS, SERVICES, component, containers, objects, of_kind, one, parse, pods, render, rendered
from readme import leaves

# What each program needs; what it does not need it does not get.
SECRETS = {
    "gateway": {"USHER_SERVICE_KEYS"},
    "contacts": {"USHER_DATABASE_URL", "USHER_AMQP_URL", "USHER_SERVICE_KEYS", "USHER_FIELD_KEYS"},
    "invitations": {
        "USHER_DATABASE_URL",
        "USHER_AMQP_URL",
        "USHER_SERVICE_KEYS",
        "USHER_SEAL_KEYS",
        "USHER_SIGNING_KEYS",
    },
    "notifications": {
        "USHER_DATABASE_URL",
        "USHER_AMQP_URL",
        "USHER_SMTP_URL",
        "USHER_SERVICE_KEYS",
        "USHER_SEAL_KEYS",
    },
    "migrate": {"USHER_DATABASE_URL"},
    "operations": {
        "USHER_DATABASE_URL",
        "USHER_AMQP_URL",
        "USHER_SMTP_URL",
        "USHER_SERVICE_KEYS",
        "USHER_SEAL_KEYS",
        "USHER_FIELD_KEYS",
        "USHER_SIGNING_KEYS",
    },
    "test": set(),
}
OPTIONAL = {"USHER_ADMIN_PASSWORD", "EMAIL", "PASSWORD"}


def environment(container: dict) -> dict:
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container["env"]}


class Security(unittest.TestCase):
    def test_the_restricted_standard_holds_for_every_pod(self):
        for scenario in SCENARIOS:
            self.assertEqual({name for name, _, _ in pods(scenario)}, {*SERVICES, "migrate", "operations", "test"})
            for name, _, spec in pods(scenario):
                with self.subTest(scenario=scenario, pod=name):
                    self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
                    self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    for forbidden in ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers"):
                        self.assertNotIn(forbidden, spec)
                    volumes = {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"}
                    self.assertLessEqual(volumes, {"emptyDir", "configMap", "secret"})
            for name, container in containers(scenario):
                with self.subTest(scenario=scenario, container=name):
                    self.assertEqual(
                        container["securityContext"],
                        {
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                    )
                    self.assertFalse(any("hostPort" in port for port in container.get("ports", [])))

    def test_the_user_is_a_fixed_number_unless_the_cluster_chooses(self):
        for scenario in SCENARIOS:
            for name, _, spec in pods(scenario):
                chosen = scenario == "all-on" and name == "contacts"
                expected = None if chosen else 65532
                self.assertEqual(spec["securityContext"].get("runAsUser"), expected, (scenario, name))
                self.assertEqual(spec["securityContext"].get("runAsGroup"), expected, (scenario, name))

    def test_no_account_has_a_token(self):
        for scenario in SCENARIOS:
            for name, _, spec in pods(scenario):
                self.assertIs(spec["automountServiceAccountToken"], False, name)
                # variables of service links would be refused as settings that do not exist
                self.assertIs(spec["enableServiceLinks"], False, name)
            for account in of_kind(scenario, "ServiceAccount"):
                self.assertIs(account["automountServiceAccountToken"], False)
        self.assertEqual(of_kind("external-secrets", "ServiceAccount"), [])

    def test_every_container_says_what_it_takes(self):
        for scenario in SCENARIOS:
            for name, container in containers(scenario):
                self.assertEqual(set(container["resources"]["requests"]), {"cpu", "memory"}, name)
                self.assertIn("memory", container["resources"]["limits"], name)


class Probes(unittest.TestCase):
    def test_alive_needs_no_database_and_has_a_port_of_its_own(self):
        for scenario in SCENARIOS:
            for name, container in containers(scenario):
                if name not in SERVICES:
                    continue
                ports = {port["name"]: port["containerPort"] for port in container["ports"]}
                self.assertEqual(set(ports), {"metrics", "http" if name == "gateway" else "grpc"})
                for probe in ("startupProbe", "livenessProbe"):
                    self.assertEqual(container[probe]["httpGet"], {"path": "/livez", "port": "metrics"})
                ready = container["readinessProbe"]
                self.assertEqual(ready["httpGet"], {"path": "/readyz", "port": "metrics"})

    def test_the_grace_period_outlasts_the_stop(self):
        for scenario in SCENARIOS:
            for name, _, spec in pods(scenario):
                if name not in SERVICES:
                    continue
                container = spec["containers"][0]
                pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
                grace = int(environment(container)["USHER_LIFECYCLE__GRACE_SECONDS"])
                self.assertGreaterEqual(spec["terminationGracePeriodSeconds"], pause + grace + 10)


class Environment(unittest.TestCase):
    def test_secrets_are_references_and_each_program_gets_its_own(self):
        for scenario in SCENARIOS:
            for name, container in containers(scenario):
                given = environment(container).items()
                references = {key for key, value in given if isinstance(value, dict) and "secretKeyRef" in value}
                with self.subTest(scenario=scenario, container=name):
                    self.assertEqual(references - OPTIONAL, SECRETS[name])

    def test_nothing_secret_is_in_plain_sight(self):
        for scenario in SCENARIOS:
            self.assertEqual(of_kind(scenario, "Secret"), [])
            self.assertNotRegex(rendered(scenario), r"(postgres(ql)?|amqps?|smtps?)://")
            for name, container in containers(scenario):
                for key, value in environment(container).items():
                    if re.search(r"(PASSWORD|_KEYS$|DATABASE_URL|AMQP_URL|SMTP_URL)", key):
                        self.assertEqual(set(value), {"secretKeyRef"}, (name, key))

    def test_every_variable_is_a_setting_of_the_programs(self):
        defaults = tomllib.loads((ROOT / "crates" / "service" / "usher.toml").read_text())
        known = {f"USHER_{'__'.join(path).upper()}" for path in leaves(defaults)}
        for scenario in SCENARIOS:
            for name, container in containers(scenario):
                names = [variable["name"] for variable in container["env"]]
                self.assertEqual(len(names), len(set(names)), name)
                ours = {key for key in names if key.startswith("USHER_")}
                self.assertLessEqual(ours, known, name)

    def test_who_makes_the_queues_is_known_to_all_who_use_them_and_publishers_to_contacts_and_the_doctor(self):
        sets = ("settings.broker.topology=expect", "settings.inbound.publishers=crm:firm")
        given = {}
        for found in parse(render("minimal", "4", *sets)):
            if found["kind"] in ("Deployment", "CronJob"):
                spec = found["spec"].get("jobTemplate", found)["spec"]
                variables = environment(spec["template"]["spec"]["containers"][0])
                names = ("USHER_BROKER__TOPOLOGY", "USHER_INBOUND__PUBLISHERS")
                given[component(found)] = [variables.get(name) for name in names]
        others = dict.fromkeys(("invitations", "notifications"), ["expect", None])
        others |= dict.fromkeys(("contacts", "operations"), ["expect", "crm:firm"])
        self.assertEqual(given, {"gateway": [None, None], **others})

    def test_authorities_are_files_of_those_who_speak_with_the_part(self):
        variables = {"database": "USHER_TLS__DATABASE_CA", "broker": "USHER_TLS__AMQP_CA"}
        secrets = {
            "database": {"secretName": "usher-db-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]},
            "broker": {"secretName": "usher-broker-ca", "items": [{"key": "authority.pem", "path": "ca.crt"}]},
        }
        both = set(variables)
        speaks = {"contacts": both, "invitations": both, "notifications": both, "operations": both, "migrate": {"database"}}
        for name, _, spec in pods("production"):
            [container] = spec["containers"]
            given = environment(container)
            volumes = {volume["name"]: volume.get("secret") for volume in spec.get("volumes", [])}
            mounts = {mount["name"]: mount for mount in container.get("volumeMounts", [])}
            for part, variable in variables.items():
                with self.subTest(pod=name, part=part):
                    if part not in speaks.get(name, set()):
                        self.assertNotIn(variable, given)
                        self.assertNotIn(f"{part}-authority", volumes)
                        continue
                    folder = f"/etc/usher/authorities/{part}"
                    self.assertEqual(given[variable], f"{folder}/ca.crt")
                    self.assertEqual(volumes[f"{part}-authority"], secrets[part])
                    mount = {"name": f"{part}-authority", "mountPath": folder, "readOnly": True}
                    self.assertEqual(mounts[f"{part}-authority"], mount)
            self.assertNotIn("USHER_TLS__SMTP_CA", given)

    def test_who_collects_telemetry_is_trusted_and_told_which_pod_it_is(self):
        for name, _, spec in pods("all-on"):
            if name == "test":
                continue
            [container] = spec["containers"]
            given = environment(container)
            with self.subTest(pod=name):
                self.assertEqual(given["USHER_TLS__OTLP_CA"], "/etc/usher/authorities/otlp/ca.crt")
                self.assertIn("otlp-authority", {volume["name"] for volume in spec["volumes"]})
                self.assertEqual(given["USHER_TELEMETRY__OTLP_LOGS"], "true")
                self.assertEqual(given["K8S_POD_NAME"], {"fieldRef": {"fieldPath": "metadata.name"}})
                self.assertEqual(
                    given["OTEL_RESOURCE_ATTRIBUTES"],
                    "k8s.pod.name=$(K8S_POD_NAME),k8s.namespace.name=$(K8S_NAMESPACE),k8s.node.name=$(K8S_NODE_NAME)",
                )
        self.assertNotIn("OTEL_RESOURCE_ATTRIBUTES", environment(dict(containers("minimal"))["contacts"]))

    def test_the_operators_commands_wait_for_an_operator(self):
        for scenario in SCENARIOS:
            job = one(scenario, "CronJob", "operations")
            self.assertIs(job["spec"]["suspend"], True)
            container = dict(containers(scenario))["operations"]
            self.assertEqual((container["command"], container["args"][0]), (["/usr/local/bin/usher"], "doctor"))
            self.assertEqual(container["image"], dict(containers(scenario))["migrate"]["image"])

    def test_the_doctor_counts_the_connections_of_the_most_replicas_and_the_largest_pool(self):
        expected = {"minimal": ("2", "7"), "production": ("4", "7"), "external-secrets": ("4", "7"), "all-on": ("8", "12")}
        for scenario in SCENARIOS:
            container = dict(containers(scenario))["operations"]
            self.assertEqual(container["args"], ["doctor", "--replicas", expected[scenario][0]])
            self.assertEqual(environment(container)["USHER_DATABASE__CONNECTIONS"], expected[scenario][1])

    def test_all_pools_of_the_default_fit_into_the_default_of_postgresql(self):
        # as the doctor counts: a replica more of the three while an upgrade goes on, two more for each relay, a migration
        given = dict(containers("minimal"))
        services = [name for name in SERVICES if "USHER_DATABASE__CONNECTIONS" in environment(given[name])]
        replicas = {one("minimal", "Deployment", name)["spec"]["replicas"] for name in services}
        pools = {int(environment(given[name])["USHER_DATABASE__CONNECTIONS"]) for name in services}
        self.assertEqual((len(services), replicas, pools), (3, {2}, {7}))
        self.assertLessEqual((2 + 1) * 3 * (7 + 2) + 1, 100 - 10)

    def test_numbers_are_written_out(self):
        gateway = environment(dict(containers("all-on"))["gateway"])
        self.assertEqual(gateway["USHER_GATEWAY__QUERY_COMPLEXITY"], "1000000")
        self.assertEqual(gateway["USHER_TELEMETRY__SAMPLE_RATIO"], "1")
        self.assertEqual(environment(dict(containers("minimal"))["gateway"])["USHER_TELEMETRY__SAMPLE_RATIO"], "0.05")

    def test_a_workloads_own_values_win(self):
        contacts = dict(containers("all-on"))["contacts"]
        self.assertEqual(environment(contacts)["USHER_DATABASE__CONNECTIONS"], "12")
        notifications = environment(dict(containers("all-on"))["notifications"])
        self.assertEqual(notifications["USHER_DATABASE__CONNECTIONS"], "6")
        reference = environment(dict(containers("external-secrets"))["notifications"])["USHER_AMQP_URL"]
        self.assertEqual(reference, {"secretKeyRef": {"name": "vault-broker-notifications", "key": "uri"}})
        owner = environment(dict(containers("external-secrets"))["migrate"])["USHER_DATABASE_URL"]
        self.assertEqual(owner, {"secretKeyRef": {"name": "vault-database-owner", "key": "uri"}})

    def test_a_digest_wins_over_the_tag(self):
        images = {name: container["image"] for name, container in containers("all-on")}
        self.assertRegex(images["gateway"], r"^registry\.firm\.example/usher-gateway@sha256:[0-9a-f]{64}$")
        self.assertEqual(images["contacts"], "registry.firm.example/usher-contacts:0.1.0")


class Places(unittest.TestCase):
    def test_replicas_are_spread_and_may_be_drained_one_by_one(self):
        for scenario in SCENARIOS:
            for deployment in of_kind(scenario, "Deployment"):
                name = component(deployment)
                budget = one(scenario, "PodDisruptionBudget", name)["spec"]
                self.assertNotIn("minAvailable", budget)
                self.assertEqual(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow")
                self.assertEqual(budget["selector"], deployment["spec"]["selector"])
                rules = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
                keys = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
                if (scenario, name) == ("all-on", "contacts"):
                    keys = {"topology.kubernetes.io/zone"}
                self.assertEqual({rule["topologyKey"] for rule in rules}, keys)
                for rule in rules:
                    self.assertEqual(rule["matchLabelKeys"], ["pod-template-hash"])
                    self.assertEqual(rule["labelSelector"], deployment["spec"]["selector"])
                rolling = deployment["spec"]["strategy"]["rollingUpdate"]
                self.assertEqual(rolling, {"maxUnavailable": 0, "maxSurge": 1})

    def test_nothing_is_scaled_by_two(self):
        for scenario in SCENARIOS:
            scaled = [
                found["spec"]["scaleTargetRef"]["name"]
                for found in of_kind(scenario, "HorizontalPodAutoscaler", "ScaledObject")
            ]
            self.assertEqual(len(scaled), len(set(scaled)))
            for deployment in of_kind(scenario, "Deployment"):
                own = deployment["metadata"]["name"] in scaled
                self.assertEqual("replicas" in deployment["spec"], not own, deployment["metadata"]["name"])

    def test_mail_is_scaled_by_its_queues(self):
        scaler = one("all-on", "ScaledObject", "notifications")["spec"]
        queues = [t["metadata"]["queueName"] for t in scaler["triggers"] if t["type"] == "rabbitmq"]
        self.assertEqual(queues, ["acme.notifications.deliver.interactive", "acme.notifications.deliver.bulk"])
        # the names that the programs give
        self.assertIn('"notifications.deliver"', (ROOT / "crates" / "events" / "src" / "command.rs").read_text())
        self.assertGreaterEqual(scaler["minReplicaCount"], 1)
        self.assertEqual(scaler["scaleTargetRef"]["name"], "acme-portal-notifications")

    def test_mails_scaler_trusts_the_authority_that_the_programs_trust(self):
        plain = one("external-secrets", "TriggerAuthentication", "notifications")["spec"]
        host = {"parameter": "host", "name": "vault-broker-notifications", "key": "uri"}
        self.assertEqual(plain, {"secretTargetRef": [host]})
        trusting = one("all-on", "TriggerAuthentication", "notifications")["spec"]
        authority = {"parameter": "ca", "name": "broker-ca", "key": "authority.pem"}
        self.assertEqual(trusting["secretTargetRef"][1:], [authority])
        [switch] = trusting["configMapTargetRef"]
        self.assertEqual(switch["parameter"], "tls")
        [found] = [found for found in of_kind("all-on", "ConfigMap") if found["metadata"]["name"] == switch["name"]]
        self.assertEqual(found["data"], {switch["key"]: "enable"})


class Migrations(unittest.TestCase):
    def test_the_job_leans_on_nothing_that_comes_later(self):
        for scenario in SCENARIOS:
            job = one(scenario, "Job", "migrate")
            annotations = job["metadata"]["annotations"]
            self.assertEqual(annotations["helm.sh/hook"], "pre-install,pre-upgrade")
            self.assertEqual(annotations["helm.sh/hook-delete-policy"], "before-hook-creation")
            spec = job["spec"]["template"]["spec"]
            self.assertEqual(spec["containers"][0]["args"], ["up"])
            before = {
                (found["kind"], found["metadata"]["name"])
                for found in objects(scenario)
                if found["metadata"].get("annotations", {}).get("helm.sh/hook") == "pre-install,pre-upgrade"
                and int(found["metadata"]["annotations"]["helm.sh/hook-weight"]) < 0
            }
            if scenario == "external-secrets":
                self.assertEqual((spec["serviceAccountName"], before), ("portal", set()))
                continue
            account = ("ServiceAccount", spec["serviceAccountName"])
            self.assertEqual(before, {account, ("NetworkPolicy", job["metadata"]["name"])})
            made = {found["metadata"]["name"] for found in of_kind(scenario, "Secret", "ConfigMap")}
            for volume in spec["volumes"]:
                self.assertNotIn(volume.get("configMap", {}).get("name"), made)
