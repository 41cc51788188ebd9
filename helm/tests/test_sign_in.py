"""The pod of `helm test`, whose script is run here against a gateway of ours."""

import http.server
import json
import os
import subprocess
import threading
import unittest

from chart import one, parse, render

PASSWORD = 'quote " and back\\slash of fifteen'


class Gateway(http.server.BaseHTTPRequestHandler):
    """Knows one member."""

    ready = True

    def do_GET(self):
        self.answer(200 if self.path == "/readyz" and Gateway.ready else 503, "ok\n")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.headers["content-type"] == "application/json"
        assert self.headers["accept"] == "application/graphql-response+json"
        given = body.get("variables", {}).get("in")
        if given:
            right = given == {"email": "owner@firm.example", "password": PASSWORD, "organization": "acme"}
            session = {"accessToken": "e.y.J"} if right else None
            errors = [] if right else [{"code": "BAD_CREDENTIALS"}]
            data = {"signIn": {"session": session, "userErrors": errors}}
        else:
            signed_in = self.headers.get("authorization") == "Bearer e.y.J"
            data = {"viewer": {"__typename": "Member"} if signed_in else None}
        self.answer(200, json.dumps({"data": data}, separators=(",", ":")))

    def answer(self, status: int, text: str):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class SignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def run_script(self, **variables) -> subprocess.CompletedProcess:
        [container] = one("all-on", "Pod", "test")["spec"]["containers"]
        gateway = f"http://127.0.0.1:{self.server.server_port}"
        environment = {"PATH": os.environ["PATH"], "GATEWAY": gateway, **variables}
        command = [*container["command"], *container["args"]]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def test_it_signs_in_and_asks(self):
        done = self.run_script(EMAIL="owner@firm.example", PASSWORD=PASSWORD, ORGANIZATION="acme")
        self.assertEqual((done.returncode, done.stdout), (0, "signed in, and the gateway knows as whom\n"), done.stderr)

    def test_it_fails_with_a_wrong_password_and_shows_none(self):
        done = self.run_script(EMAIL="owner@firm.example", PASSWORD="wrong and secret", ORGANIZATION="acme")
        self.assertEqual(done.returncode, 1)
        self.assertIn("BAD_CREDENTIALS", done.stderr)
        self.assertNotIn("wrong and secret", done.stdout + done.stderr)

    def test_without_a_member_it_asks_as_nobody(self):
        done = self.run_script()
        self.assertEqual((done.returncode, done.stdout), (0, "the gateway answers a query of nobody\n"), done.stderr)

    def test_it_fails_while_the_gateway_is_not_ready(self):
        Gateway.ready = False
        try:
            done = self.run_script()
        finally:
            Gateway.ready = True
        self.assertEqual(done.returncode, 1)
        self.assertIn("the gateway is not ready", done.stderr)

    def test_the_pod_knows_its_member_from_a_secret(self):
        [container] = one("all-on", "Pod", "test")["spec"]["containers"]
        environment = {variable["name"]: variable for variable in container["env"]}
        self.assertEqual(environment["GATEWAY"]["value"], "http://acme-portal-gateway:8080")
        self.assertEqual(environment["ORGANIZATION"]["value"], "acme")
        reference = environment["PASSWORD"]["valueFrom"]["secretKeyRef"]
        self.assertEqual(reference, {"name": "usher-test", "key": "password"})

    def test_without_one_it_signs_in_as_the_administrator_who_has_a_password(self):
        def variables(*sets: str) -> dict:
            [pod] = [found for found in parse(render("minimal", "4", *sets)) if found["kind"] == "Pod"]
            [container] = pod["spec"]["containers"]
            given = {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container["env"]}
            return {name: value for name, value in given.items() if name != "GATEWAY"}

        reference = {"secretKeyRef": {"name": "usher-admin", "key": "password"}}
        admin = {"EMAIL": "owner@firm.example", "PASSWORD": reference, "ORGANIZATION": "firm"}
        self.assertEqual(variables("admin.passwordSecret.name=usher-admin"), admin)
        self.assertEqual(variables(), {})
        both = variables("admin.passwordSecret.name=usher-admin", "test.secret.name=usher-test")
        self.assertEqual(both["PASSWORD"]["secretKeyRef"]["name"], "usher-test")
