"""The README of the cassettes names the server of each recording correctly."""

from __future__ import annotations

import os
import re
from collections import defaultdict

import yaml

from . import tape
from .scenario import base_url

PATH = tape.FOLDER / "README.md"


def listing():
    """For every vendor, its files by who answered."""
    found = defaultdict(lambda: defaultdict(list))
    for file in tape.FOLDER.glob("*/*.yaml"):
        found[file.parent.name][tape.Tape.read(file).against].append(file.stem)
    lines = []
    for vendor, responses in sorted(found.items()):
        for against, names in sorted(responses.items()):
            # An operation before its cases.
            listed = ", ".join(sorted(names, key=lambda name: name.split(".")))
            lines.append(f"- **{vendor}**, {against} ({len(names)}): {listed}")
    return "\n".join(lines)


def test_the_list_is_made_from_the_files():
    before, written, after = re.split(r"<!-- /?list -->\n", PATH.read_text("utf-8"))
    if "TELEPHONY_WRITE_README" in os.environ:
        PATH.write_text(f"{before}<!-- list -->\n{listing()}\n<!-- /list -->\n{after}", "utf-8")
    else:
        assert written.strip() == listing(), "run `make record`"


def test_every_file_names_its_server_and_has_the_vendors_own_urls():
    for file in tape.FOLDER.glob("*/*.yaml"):
        content = yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)
        assert re.fullmatch(
            r"live|sandbox|livekit-server \d+\.\d+\.\d+", content["recorded-against"]
        )
        for one in content["interactions"]:
            assert one["request"]["uri"].startswith(f"{base_url(file.parent.name)}/")
            assert "127.0.0.1" not in str(one)
