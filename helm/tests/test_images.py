"""Images are described in three places, for two builders and the chart: they must say the same."""

import re
import unittest

from chart import ROOT, SERVICES, containers

DOCKERFILE = (ROOT / "Dockerfile").read_text()
BAKE = (ROOT / "docker-bake.hcl").read_text()
SCRIPT = (ROOT / "scripts" / "images").read_text()
LIB = (ROOT / "scripts" / "lib.sh").read_text()
IMAGES = re.search(r"(?m)^IMAGES=\((.*)\)$", LIB)[1].split()
# What the operator's commands and the migrations share.
OPERATOR = re.search(r'migrate\) printf .* "\$2/(usher-operator .*)" ;;', LIB)[1]


def stage(name: str) -> str:
    return re.search(rf"(?ms)^FROM scratch AS {name}\n(.*?)(?=^FROM |\Z)", DOCKERFILE)[1]


class Images(unittest.TestCase):
    def test_every_list_has_the_same_five(self):
        self.assertEqual(set(IMAGES), {*SERVICES, "migrate"})
        self.assertEqual(re.findall(r"(?m)^FROM scratch AS (\w+)$", DOCKERFILE), IMAGES)
        self.assertEqual(re.findall(r'"(\w+)"', re.search(r"image = \[(.*)\]", BAKE)[1]), IMAGES)
        self.assertEqual(OPERATOR.split(), ["usher-operator", "usher", "usher-migrate"])
        self.assertIn(f"for image in {' '.join(SERVICES)}; do", DOCKERFILE)
        self.assertIn(f"scripts/rootfs /roots/migrate target/release/{OPERATOR}\n", DOCKERFILE)
        programs = re.search(r"cargo build((?:.|\\\n)*?)\n[^ ]", DOCKERFILE)[1]
        for built in (programs, SCRIPT):
            self.assertEqual(re.findall(r"--bin usher-(\w+)", built), [*SERVICES, "operator"])

    def test_each_is_one_program_of_a_user_without_rights(self):
        for name in IMAGES:
            lines = stage(name)
            self.assertIn(f"COPY --from=build /roots/{name} /\nUSER 65532:65532\n", lines)
            self.assertIn(f'ENTRYPOINT ["/usr/local/bin/usher-{name}"]\n', lines)
            self.assertNotIn("RUN", lines)
        self.assertIn("--user 65532:65532", SCRIPT)
        self.assertIn('--entrypoint "[\\"/usr/local/bin/usher-$image\\"]"', SCRIPT)

    def test_ports_are_those_that_the_chart_uses(self):
        for name, container in containers("minimal"):
            if name not in SERVICES:
                continue
            ports = [str(port["containerPort"]) for port in container["ports"]]
            self.assertIn(f"EXPOSE {' '.join(ports)}\n", stage(name))
            self.assertIn(f"{name}) options+=({' '.join(f'--port {port}' for port in ports)}) ;;", SCRIPT)

    def test_labels_are_the_same_by_both_builders(self):
        labels = r"org\.opencontainers\.image\.(\w+)"
        self.assertEqual(re.findall(labels, BAKE), re.findall(labels, SCRIPT))

    def test_images_bring_what_is_in_them_and_how_they_were_made(self):
        self.assertIn('attest = ["type=sbom", "type=provenance,mode=max"]', BAKE)
