"""The README and the pages of the site: their blocks of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
_FENCE = re.compile(
    r"^(?:<!-- (?P<use>\w+): (?P<name>\w+) -->\n|% (?P<continues>continues)\n)?"
    r"```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        use, name: from the comment above it, such as ``<!-- example: swap -->``.
        code: with what comes before it where it continues another block.
    """

    page: Path
    line: int
    language: str
    use: str | None
    name: str | None
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the blocks of code of a page, in order."""
    text, found, before = page.read_text("utf-8"), [], ""
    for fence in _FENCE.finditer(text):
        code = before + fence["code"] if fence["continues"] else fence["code"]
        before = code if fence["language"] == "python" else before
        line = text.count("\n", 0, fence.start("code"))
        found.append(Block(page, line, fence["language"], fence["use"], fence["name"], code))
    return found


def named(page: Path, use: str) -> dict[str, str]:
    """Return the code of the blocks of a page that are marked for a use, by name."""
    return {block.name: block.code for block in blocks(page) if block.use == use and block.name}
