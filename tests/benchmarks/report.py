"""What was measured: as rows, as JSON, as tables for the terminal, the site and the README."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
_SHORT = (
    "list 10,000 messages, Twilio",
    "list 10,000 numbers, LiveKit",
    "memory, 100,000 numbers, Twilio, kept",
    "first connect, twilio",
)
_PACKAGES = (
    "telephony",
    "httpx",
    "pydantic",
    "pydantic_core",
    "twilio",
    "agentphone",
    "livekit-api",
    "livekit-protocol",
)


@dataclass(frozen=True)
class Row:
    """One comparison. The ratios are medians of what each run gave, as the sides took turns.

    Attributes:
        unit: ``s``, ``ms`` or ``MB``.
        ours, sdk, floor: medians in `unit`.
        gain: how many times as much the SDK takes.
        cost: how many times as much as the floor telephony takes.
    """

    name: str
    unit: str
    ours: float
    sdk: float | None = None
    floor: float | None = None
    gain: float | None = None
    cost: float | None = None


def row(name: str, unit: str, runs: Mapping[str, Sequence[float]]) -> Row:
    """Return a row; `runs` has for each side one value a run, in seconds or bytes."""
    scale = {"s": 1, "ms": 1000, "MB": 1e-6}[unit]
    ours, sdk, floor = runs["ours"], runs.get("sdk"), runs.get("floor")

    def middle(values: Sequence[float] | None) -> float | None:
        return round(median(values) * scale, 4) if values else None

    def ratio(more: Sequence[float] | None, less: Sequence[float] | None) -> float | None:
        if not more or not less:
            return None
        return round(median(a / b for a, b in zip(more, less, strict=True)), 3)

    return Row(
        name, unit, middle(ours), middle(sdk), middle(floor), ratio(sdk, ours), ratio(ours, floor)
    )


def save(rows: Iterable[Row], runs: int) -> None:
    document = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cores": os.cpu_count(), "system": platform.system()},
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "runs": runs,
        "rows": [asdict(row) for row in rows],
    }
    RESULTS.write_text(f"{json.dumps(document, indent=2)}\n", "utf-8")


def table(rows: Iterable[Row]) -> str:
    """At most 80 columns wide."""
    lines = [("", "telephony", "SDK", "floor", "SDK/us", "us/floor"), *map(_cells, rows)]
    return "\n".join(
        f"{name:<36}{ours:>9}{sdk:>9}{floor:>9}{gain:>8}{cost:>9}"
        for name, ours, sdk, floor, gain, cost in lines
    )


def markdown(names: Container[str] = ()) -> str:
    """Return what `results.json` holds, or the rows of these names, as Markdown."""
    document = json.loads(RESULTS.read_text("utf-8"))
    rows = [Row(**each) for each in document["rows"] if not names or each["name"] in names]
    lines = [
        "| | telephony | vendor's SDK | floor | SDK / telephony | telephony / floor |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(f"| {' | '.join(_cells(each))} |" for each in rows),
    ]
    about = (
        f"Measured on {document['date']} with Python {document['python']} on "
        f"{document['machine']['cores']} cores; medians of {document['runs']} runs."
    )
    return f"{about}\n\n" + "\n".join(lines)


def short() -> str:
    """Return the few lines that the README shows."""
    return markdown(_SHORT)


def _cells(row: Row) -> tuple[str, str, str, str, str, str]:
    def value(number: float | None) -> str:
        if number is None:
            return ""
        digits = 2 if number < 10 else 0
        return f"{number:,.{digits}f} {row.unit}"

    def times(number: float | None) -> str:
        return "" if number is None else f"{number:.2f}"

    return (
        row.name, value(row.ours), value(row.sdk), value(row.floor),
        times(row.gain), times(row.cost),
    )  # fmt: skip
