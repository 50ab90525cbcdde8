"""Draw the pictures of the documentation from what runs (`make pictures`)."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COMMAND = "telephony demo"
_COLUMNS = 80
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def printed() -> str:
    """Return what the demo prints at a terminal of 80 columns, with its escape sequences."""
    shell = {**os.environ, "COLUMNS": str(_COLUMNS), "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", *COMMAND.split()]
    done = subprocess.run(command, env=shell, capture_output=True, text=True, check=True)
    return done.stdout


def terminal(text: str) -> str:
    """Return a terminal that shows the command and this text, as SVG that requests nothing."""
    console = Console(width=_COLUMNS, record=True, file=io.StringIO())
    console.print(Text.from_ansi(f"\x1b[1m$ {COMMAND}\x1b[0m\n\n{text}"))
    svg = console.export_svg(title="", unique_id="demo")
    # The font that it names would be fetched from another host.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", _FONTS)
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines() if line.strip())


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "demo.svg").write_text(terminal(printed()), "utf-8")
