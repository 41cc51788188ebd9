"""Renders the chart. `chart.py write` writes the expected manifests anew."""

import os
import pathlib
import subprocess
import sys
from functools import cache

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "usher"
GOLDEN = pathlib.Path(__file__).parent / "golden"
HELMS = ("3", "4")
SCENARIOS = tuple(sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml")))
# the quick one, where the library was built with it
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SERVICES = ("gateway", "contacts", "invitations", "notifications")


class Refused(Exception):
    """Helm's own words about values that it does not take."""


def helm(version: str, *arguments: str) -> str:
    command = [os.environ[f"USHER_HELM_{version}"], *arguments]
    # a context of whoever runs the tests must not matter
    environment = {**os.environ, "KUBECONFIG": "/dev/null"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise Refused(done.stderr + done.stdout)
    return done.stdout


def values_of(scenario: str) -> str:
    return str(CHART / "ci" / f"{scenario}-values.yaml")


def render(scenario: str, version: str = "4", *sets: str) -> str:
    arguments = [argument for pair in sets for argument in ("--set", pair)]
    return helm(
        version, "template", "portal", str(CHART), "--namespace", "clients", "--values", values_of(scenario), *arguments
    )


def notes_of(scenario: str) -> str:
    """What Helm says after an install. Only Helm 4 says it without a cluster."""
    arguments = ["portal", str(CHART), "--namespace", "clients", "--values", values_of(scenario), "--dry-run=client"]
    return helm("4", "install", *arguments).partition("\nNOTES:\n")[2]


@cache
def rendered(scenario: str) -> str:
    return render(scenario)


@cache
def objects(scenario: str) -> tuple:
    return parse(rendered(scenario))


def parse(text: str) -> tuple:
    return tuple(found for found in yaml.load_all(text, LOADER) if found)


def of_kind(scenario: str, *kinds: str) -> list:
    return [found for found in objects(scenario) if found["kind"] in kinds]


def component(found: dict) -> str:
    return found["metadata"]["labels"]["app.kubernetes.io/component"]


def one(scenario: str, kind: str, name: str) -> dict:
    [found] = [found for found in of_kind(scenario, kind) if component(found) == name]
    return found


def pods(scenario: str) -> list:
    """Every pod that would be started, as (component, metadata, spec)."""
    found = [(component(pod), pod["metadata"], pod["spec"]) for pod in of_kind(scenario, "Pod")]
    for owner in of_kind(scenario, "Deployment", "Job", "CronJob"):
        spec = owner["spec"]
        template = spec.get("jobTemplate", {}).get("spec", spec)["template"]
        found.append((component(owner), template["metadata"], template["spec"]))
    return found


def containers(scenario: str) -> list:
    return [(name, container) for name, _, spec in pods(scenario) for container in spec["containers"]]


def write() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for old in GOLDEN.glob("*.yaml"):
        old.unlink()
    for scenario in SCENARIOS:
        (GOLDEN / f"{scenario}.yaml").write_text(rendered(scenario))


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit("chart.py takes write")
    write()
