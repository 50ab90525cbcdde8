"""Our adapters, through the same suite that third-party adapters use."""

from __future__ import annotations

from telephony.registry import available
from telephony.testing.conformance import AdapterConformance

for _name in available():
    _class = f"Test{_name.capitalize()}"
    globals()[_class] = type(_class, (AdapterConformance,), {"adapter": _name})
