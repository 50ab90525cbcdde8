"""The site: built without a warning, complete, whole without a network, and true to the code."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import typer
from sphinx.util.inventory import InventoryFile
from typer.core import TyperGroup

import telephony
from telephony import webhooks
from telephony.cli.app import app
from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider
from telephony.sandbox import Sandbox
from telephony.testing.scrubbing import Scrubber

from .pages import DOCS, README, ROOT, blocks

sys.path.insert(0, str(DOCS / "_ext"))
import docstrings

PAGES = sorted(DOCS.rglob("*.md"))
CACHE = ROOT / ".mypy_cache" / "pages"  # of these options; with others, mypy would read all anew
PUBLIC = {
    "telephony": telephony.__all__,
    **{
        module: importlib.import_module(module).__all__
        for module in ("telephony.webhooks", "telephony.sandbox")
    },
    "telephony.testing.plugin": [
        "telephony_aconnect",
        "telephony_connect",
        "telephony_env",
        "telephony_sandbox",
        "telephony_webhooks",
    ],
    "telephony.testing.conformance": ["AdapterConformance"],
    "telephony.testing.scrubbing": ["Scrubber"],
    "telephony.testing.leaks": ["Leak", "leaks", "leaks_in"],
}
COMMANDS = [
    (f"{page.relative_to(ROOT)}", command)
    for page in (README, *PAGES)
    for block in blocks(page)
    if block.language in {"sh", "console"}
    for command in re.findall(r"telephony (?:[^\n|)#;&<>]|(?<=\{)\w+)*", block.code)
]


@pytest.mark.timeout(600)
def test_it_builds_strictly_and_is_complete(tmp_path):
    """One test, because several would each build it."""
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html",
         "-d", tmp_path / "doctrees", DOCS, tmp_path / "site"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    assert [page for page in site.rglob("*.html") if "``" in page.read_text("utf-8")] == []

    elsewhere = {
        url
        for page in site.rglob("*.html")
        for url in _loaded(page.read_text("utf-8"))
        if re.match(r"(\w+:)?//", url)
    }
    styles = [sheet.read_text("utf-8") for sheet in site.rglob("*.css")]
    elsewhere |= {url for style in styles for url in re.findall(r"(?:\w+:)?//[^)\"']+\)", style)}
    assert elsewhere == set()

    with (site / "objects.inv").open("rb") as file:
        kinds = InventoryFile.load(file, "", os.path.join).values()
    documented = {name for names in kinds for name in names}
    missing = {
        f"{module}.{name}"
        for module, names in PUBLIC.items()
        for name in names
        if f"{module}.{name}" not in documented and name != "__version__"
    }
    assert missing == set()

    contents = (site / "llms.txt").read_text("utf-8")
    everything = (site / "llms-full.txt").read_text("utf-8")
    for page in PAGES:
        name = page.relative_to(DOCS).as_posix()
        assert name == "index.md" or f"]({name})" in contents
        assert (site / name).read_text("utf-8") in everything


class _Loaded(HTMLParser):
    """Collects what a page loads, which is not what it links to."""

    def __init__(self):
        super().__init__()
        self.urls = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "link" and given.get("rel") in {"next", "prev", "search", "index"}:
            return
        names = ("href",) if tag == "link" else ("src", "srcset", "poster", "data")
        self.urls += [given[name] for name in names if given.get(name)]


def _loaded(html):
    parser = _Loaded()
    parser.feed(html)
    return parser.urls


def test_its_python_is_typed(tmp_path):
    """Each block is a module, with the block that it continues."""
    names = {}
    for page in PAGES:
        for block in blocks(page):
            if block.language == "python":
                name = re.sub(r"\W", "_", str(block))
                names[name] = str(block)
                (tmp_path / f"{name}.py").write_text(block.code)
    assert names
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", CACHE,
         tmp_path],
        capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_its_commands_exist_with_their_options(page, command):
    words = shlex.split(command, comments=True)[1:]
    one, name = typer.main.get_command(app), "telephony"
    context = one.make_context(name, words, resilient_parsing=True)
    while isinstance(one, TyperGroup) and (rest := context._protected_args + context.args):
        given, one, arguments = one.resolve_command(context, rest)
        context = one.make_context(given, arguments, parent=context)


def _public():
    """Yield what is called by users: the providers' methods, the functions, and their tools."""
    kinds = [PhoneNumberProvider, AsyncPhoneNumberProvider, telephony.Recording, Sandbox, Scrubber]
    for kind in kinds:
        for name, method in vars(kind).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                yield f"{kind.__name__}.{name}", method, re.findall(r"`(\w+)`", kind.__doc__ or "")
    for module, names in PUBLIC.items():
        for name in names:
            one = getattr(importlib.import_module(module), name)
            if inspect.isfunction(one):
                yield name, one, ()


@pytest.mark.parametrize(
    ("name", "function", "elsewhere"), [pytest.param(*one, id=one[0]) for one in _public()]
)
def test_everything_called_documents_its_arguments_and_has_an_example(name, function, elsewhere):
    """An argument that several methods share may be described with their class."""
    text = inspect.getdoc(function) or ""
    arguments = {*inspect.signature(function).parameters} - {"self"}
    described = {one for one in arguments if f"\n    {one}: " in text}
    assert arguments - described <= {*elsewhere}
    assert not arguments or "Example:\n" in text


@pytest.mark.parametrize("name", [*telephony.__all__, *webhooks.__all__])
def test_every_field_is_described(name):
    model = getattr(telephony, name, None) or getattr(webhooks, name)
    if isinstance(model, type) and docstrings.has_fields(model):
        fields = {field for field, _, _ in docstrings.fields_of(model)}
        assert fields - docstrings.described(model).keys() <= {"kind", "provider", "raw", "type"}
