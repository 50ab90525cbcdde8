"""The directive ``{made} NAME``: Markdown that is made from code whenever the site is built.

A further word is an argument of what makes it, such as a vendor in ``{made} vendor cartesia``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import commands
import settings
import tables
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

MAKERS: dict[str, Callable[..., str]] = {
    "capabilities": tables.capabilities,
    "notes": tables.notes,
    "vendor": tables.of_vendor,
    "outcomes": tables.outcomes,
    "errors": tables.errors,
    "proofs": tables.proofs,
    "settings": settings.of_every_vendor,
    "vendor-settings": settings.of_each_vendor,
    "commands": commands.reference,
    "options": commands.options,
    "exit-codes": commands.exit_codes,
}


class Made(SphinxDirective):
    """What a function makes, in place of the directive."""

    required_arguments: ClassVar[int] = 1
    optional_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the Markdown."""
        name, *words = self.arguments
        return self.parse_text_to_nodes(MAKERS[name](*words), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("made", Made)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
