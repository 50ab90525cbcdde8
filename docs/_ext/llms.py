"""The site as Markdown, for language models: every page, llms.txt and llms-full.txt.

See llmstxt.org. The pages come from the same sources as the HTML, with everything in them that is
made from code, and are written beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.addnodes import toctree
from sphinx.application import Sphinx
from sphinx_markdown_builder.builder import MarkdownBuilder
from sphinx_markdown_builder.translator import MarkdownTranslator

_PADDING = re.compile(r"^\|.*\|$", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.?])\s(?=[A-Z])")


class Translator(MarkdownTranslator):
    """Writes the text of nodes that its base does not know: the ``*`` of signatures, cards."""

    def visit_abbreviation(self, node: nodes.Element) -> None:
        """Go on with what is in it."""

    depart_abbreviation = visit_abbreviation
    visit_PassthroughTextElement = visit_abbreviation  # noqa: N815 - sphinx-design's name
    depart_PassthroughTextElement = visit_abbreviation  # noqa: N815


class Pages(MarkdownBuilder):
    """Writes resolved pages as Markdown."""

    default_translator_class: ClassVar[type[MarkdownTranslator]] = Translator


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the Markdown once the HTML is there."""
    if exception is not None or app.builder.format != "html":
        return
    html, pages = app.builder, Pages(app, app.env)
    pages.init()
    app.builder = pages  # what resolves references asks it where they lead
    try:
        pages.prepare_writing(set(app.env.found_docs))
        for name in app.env.found_docs:
            pages.write_doc(name, _plain(app.env.get_and_resolve_doctree(name, pages)))
    finally:
        app.builder = html
    out = Path(app.outdir)
    (out / "llms.txt").write_text("\n".join(_contents(app)), "utf-8")
    for name in _all(app):
        page = out / f"{name}.md"
        page.write_text(_PADDING.sub(_narrow, page.read_text("utf-8")), "utf-8")
    texts = [(out / f"{name}.md").read_text("utf-8") for name in _all(app)]
    (out / "llms-full.txt").write_text("\n\n".join(texts), "utf-8")


def _plain(page: nodes.document) -> nodes.document:
    """Return a page without what its readers do not need, and what cannot be written."""
    for comment in [one for one in page.findall(nodes.raw) if one.astext().startswith("<!--")]:
        comment.parent.remove(comment)
    for heading in (*page.findall(nodes.rubric), *page.findall(nodes.caption)):
        heading.replace_self(nodes.paragraph("", "", nodes.strong("", heading.astext())))
    return page


def _narrow(row: re.Match[str]) -> str:
    """Return a row of a table whose cells are not padded to the widest of their column."""
    return re.sub(r" {2,}", " ", re.sub(r"-{4,}", "---", row[0]))


def _contents(app: Sphinx) -> Iterator[str]:
    root = app.env.get_doctree(app.config.root_doc)
    yield from ("# telephony", "", f"> {_first_sentence(root)}", "")
    for tree in root.findall(toctree):
        yield from (f"## {tree['caption']}", "")
        for name in tree["includefiles"]:
            yield from (_entry(app, one) for one in (name, *_below(app, name)))
        yield ""


def _entry(app: Sphinx, name: str) -> str:
    summary = _first_sentence(app.env.get_doctree(name))
    return f"- [{app.env.titles[name].astext()}]({name}.md){summary and f': {summary}'}"


def _first_sentence(page: nodes.document) -> str:
    found = next((one for one in page.findall(nodes.paragraph)), None)
    return _SENTENCE.split(" ".join(found.astext().split()))[0] if found else ""


def _all(app: Sphinx) -> Iterator[str]:
    yield app.config.root_doc
    yield from _below(app, app.config.root_doc)


def _below(app: Sphinx, name: str) -> Iterator[str]:
    for each in app.env.toctree_includes.get(name, ()):
        yield each
        yield from _below(app, each)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what this module adds."""
    app.setup_extension("sphinx_markdown_builder")
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
