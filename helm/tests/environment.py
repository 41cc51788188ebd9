"""What the chart gives the programs: environment.py FOLDER writes a file of NAME=value for each into it.

The smallest values are rendered. What comes from a Secret has no value here.
"""

import pathlib
import sys

from chart import containers


def main(folder: str) -> None:
    for component, container in containers("minimal"):
        lines = [f"{variable['name']}={variable.get('value', '')}\n" for variable in container["env"]]
        pathlib.Path(folder, component).write_text("".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
