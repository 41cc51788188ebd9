"""Deletes the queues and exchanges of an installation: forget_queues.py URL PREFIX. What is not there counts as deleted."""

import re
import sys

import pika

from chart import ROOT


def bases() -> list:
    """The queues that the programs make, by the table that they make them from."""
    table = (ROOT / "crates" / "parts" / "src" / "queues.rs").read_text().partition("QUEUES")[2].partition("];\n")[0]
    return re.findall(r'^    \(?\s*"([a-z.]+)",', table, re.MULTILINE) or sys.exit("the table of queues has moved")


def main(url: str, prefix: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for base in bases():
        for end in ("interactive", "bulk", "dead"):
            channel.queue_delete(f"{prefix}{base}.{end}")
    for exchange in ("events", "packs", "work", "dead", "inbound.other", "inbound"):
        channel.exchange_delete(f"{prefix}usher.{exchange}")
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
