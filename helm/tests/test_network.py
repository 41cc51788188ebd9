"""Who reaches whom: the addresses that programs are given, and what the policies let through."""

import unittest

from chart import SERVICES, component, containers, objects, of_kind, pods

GUARDED = ("minimal", "production", "all-on")


def policies(scenario: str) -> dict:
    return {component(policy): policy["spec"] for policy in of_kind(scenario, "NetworkPolicy")}


def callees(scenario: str, name: str) -> set:
    container = dict(containers(scenario))[name]
    return {
        variable["name"].removeprefix("USHER_").removesuffix("_URL").lower()
        for variable in container["env"]
        if variable["name"] in {f"USHER_{service.upper()}_URL" for service in SERVICES}
    }


def peers(rules: list, side: str) -> set:
    """The components that rules name."""
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in rules
        for peer in rule.get(side, [])
        if "app.kubernetes.io/component" in peer.get("podSelector", {}).get("matchLabels", {})
    }


class Network(unittest.TestCase):
    def test_everything_is_closed_first(self):
        for scenario in GUARDED:
            closed = policies(scenario)["default"]
            self.assertEqual(closed["policyTypes"], ["Ingress", "Egress"])
            self.assertEqual(set(closed), {"podSelector", "policyTypes"})
            for _, metadata, _ in pods(scenario):
                self.assertLessEqual(closed["podSelector"]["matchLabels"].items(), metadata["labels"].items())
        self.assertEqual(policies("external-secrets"), {})

    def test_each_pod_has_a_policy_of_its_own(self):
        for scenario in GUARDED:
            self.assertEqual(set(policies(scenario)), {"default", "migrate", "operations", "test", *SERVICES})
            for name, policy in policies(scenario).items():
                self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"], name)

    def test_what_is_configured_is_let_through_on_both_sides(self):
        for scenario in GUARDED:
            found = policies(scenario)
            for name in SERVICES:
                with self.subTest(scenario=scenario, name=name):
                    self.assertEqual(peers(found[name]["egress"], "to"), callees(scenario, name))
                    callers = {caller for caller in SERVICES if name in callees(scenario, caller)}
                    if name == "gateway" and found[name]["ingress"][0].get("from"):
                        callers = {"test"}
                    self.assertEqual(peers(found[name]["ingress"], "from"), callers)
            self.assertEqual(peers(found["test"]["egress"], "to"), {"gateway"})
            self.assertNotIn("ingress", found["migrate"])

    def test_addresses_are_those_of_headless_services(self):
        for scenario in (*GUARDED, "external-secrets"):
            for name, container in containers(scenario):
                for variable in container["env"]:
                    if variable["name"] not in {f"USHER_{service.upper()}_URL" for service in SERVICES}:
                        continue
                    host, port = variable["value"].removeprefix("http://").split(":")
                    [service] = [found for found in of_kind(scenario, "Service") if found["metadata"]["name"] == host]
                    self.assertEqual(service["spec"]["clusterIP"], "None", (name, host))
                    self.assertIn(int(port), {entry["port"] for entry in service["spec"]["ports"]})

    def test_only_mail_reaches_the_mail_server_and_only_services_the_database(self):
        def ports(name: str) -> set:
            return {port["port"] for rule in policies("minimal")[name]["egress"] for port in rule["ports"]}

        self.assertEqual(ports("gateway"), {53, "grpc"})
        self.assertEqual(ports("contacts"), {53, "grpc", 5432, 5671, 5672})
        self.assertEqual(ports("invitations"), {53, "grpc", 5432, 5671, 5672})
        self.assertEqual(ports("notifications"), {53, "grpc", 5432, 5671, 5672, 25, 465, 587})
        self.assertEqual(ports("migrate"), {53, 5432})
        self.assertEqual(ports("operations"), ports("notifications") - {"grpc"})
        self.assertEqual(ports("test"), {53, "http"})

    def test_people_come_by_route_first_and_ingress_second(self):
        [route] = of_kind("production", "HTTPRoute")
        self.assertEqual(route["spec"]["hostnames"], ["portal.firm.example"])
        [rule] = route["spec"]["rules"]
        # subscriptions stay open
        self.assertEqual(rule["timeouts"], {"request": "0s"})
        self.assertEqual(rule["backendRefs"], [{"name": "portal-usher-gateway", "port": 80}])
        self.assertEqual(of_kind("production", "Ingress"), [])
        [ingress] = of_kind("all-on", "Ingress")
        self.assertEqual(ingress["spec"]["tls"], [{"secretName": "portal-tls", "hosts": ["portal.firm.example"]}])
        self.assertEqual([found["kind"] for found in objects("minimal") if found["kind"] in ("HTTPRoute", "Ingress")], [])
