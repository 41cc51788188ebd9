"""The table of values in the chart's README, made of the comments in values.yaml. `readme.py write` writes it."""

import json
import re
import sys
from functools import cache

import yaml

from chart import CHART

README = CHART / "README.md"
VALUES = CHART / "values.yaml"
BEGIN, END = "<!-- values: begin -->", "<!-- values: end -->"
KEY = re.compile(r"^( *)([A-Za-z_]+):")


@cache
def comments() -> dict:
    """The comment right above a key, by the key's path, in the order of the file."""
    found, path, pending = {}, [], []
    for line in VALUES.read_text().splitlines():
        key = KEY.match(line)
        if line.strip().startswith("#"):
            pending.append(line.strip().removeprefix("#").strip())
            continue
        if key:
            depth = len(key[1]) // 2
            path = [*path[:depth], key[2]]
            if pending:
                found[tuple(path)] = " ".join(pending)
        # an empty line ends a comment that belongs to no key
        pending = []
    return found


@cache
def defaults() -> dict:
    return yaml.safe_load(VALUES.read_text())


def at(path: tuple):
    value = defaults()
    for key in path:
        value = value[key]
    return value


def leaves(value, path: tuple = ()):
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, (*path, key))
    else:
        yield path


def is_section(path: tuple, all_comments: dict) -> bool:
    return any(other[: len(path)] == path and other != path for other in all_comments)


def table() -> str:
    all_comments = comments()
    lines = ["| value | default | meaning |", "|---|---|---|"]
    for path, text in all_comments.items():
        name = ".".join(path)
        text = text.replace("|", "\\|")
        if is_section(path, all_comments):
            lines.append(f"| **{name}** | | {text} |")
        else:
            lines.append(f"| `{name}` | `{json.dumps(at(path))}` | {text} |")
    return "\n".join(lines)


def text() -> str:
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit("readme.py takes write")
    README.write_text(text())
