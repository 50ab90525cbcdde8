"""The README: short, with tables made from code and a picture of what really is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from itertools import groupby

import pytest

import telephony
from telephony._tables import kinds_markdown, summary_markdown

from ..benchmarks import report
from .pages import DOCS, README


def test_it_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= 200


@pytest.mark.parametrize(
    ("page", "name", "made"),
    [
        (README, "matrix", summary_markdown),
        (README, "bench", report.short),
        (DOCS / "speed.md", "bench", report.markdown),
        (DOCS / "guides" / "numbers.md", "kinds", kinds_markdown),
    ],
    ids=["matrix", "short bench", "bench", "kinds"],
)
def test_the_tables_are_made_from_code(page, name, made):
    before, written, after = re.split(rf"<!-- /?{name} -->\n", page.read_text("utf-8"))
    if "TELEPHONY_WRITE_README" in os.environ:
        page.write_text(f"{before}<!-- {name} -->\n{made()}\n<!-- /{name} -->\n{after}", "utf-8")
    else:
        assert written.strip() == made(), "run `make readme`"


def test_the_guide_says_what_to_do_about_every_error():
    table = (DOCS / "guides" / "errors.md").read_text("utf-8").partition("\n\nAll but")[0]
    public = {name for name in telephony.__all__ if name.endswith("Error")}
    public -= {"TelephonyError", "ProviderError", "MessageError"}
    assert set(re.findall(r"`(\w+Error)`", table.partition("| --- |")[2])) == public


def test_the_picture_shows_what_the_demo_prints():
    svg = (DOCS / "pictures" / "demo.svg").read_text("utf-8")
    words = re.findall(r'<text [^>]*\by="([\d.]+)"[^>]*>(.*?)</text>', svg)
    lines = groupby(words, lambda word: word[0])
    drawn = [_dense(unescape("".join(text for _, text in line))) for _, line in lines]

    done = subprocess.run(
        [sys.executable, "-m", "telephony", "demo"],
        env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True,
    )  # fmt: skip

    printed = map(_dense, ["$ telephony demo", *done.stdout.splitlines()])
    assert drawn == list(filter(None, printed)), "run `make pictures`"


def _dense(line):
    """Return a line without its spaces, few of which are drawn."""
    return "".join(line.split())
