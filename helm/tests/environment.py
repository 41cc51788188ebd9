"""What the chart gives the programs: environment.py FOLDER writes a file of NAME=value for each into it.

The smallest values are rendered, with an administrator who has a password. What comes from a Secret has no value here.
"""

import pathlib
import sys

from chart import component, parse, render


def main(folder: str) -> None:
    for owner in parse(render("minimal", "4", "admin.passwordSecret.name=usher-admin")):
        if owner["kind"] in ("Deployment", "Job", "CronJob"):
            spec = owner["spec"].get("jobTemplate", owner)["spec"]
            [container] = spec["template"]["spec"]["containers"]
            lines = [f"{variable['name']}={variable.get('value', '')}\n" for variable in container["env"]]
            pathlib.Path(folder, component(owner)).write_text("".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
