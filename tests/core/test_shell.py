"""Lines to type, for a POSIX shell and for PowerShell."""

from __future__ import annotations

import pytest

from telephony.config.shell import evaluated, exported


@pytest.mark.parametrize(
    ("powershell", "lines"),
    [
        (False, ["export KEY=…", "export KEY='it'\"'\"'s 1'", 'eval "$(telephony sandbox env)"']),
        (
            True,
            [
                "$env:KEY = '…'",
                "$env:KEY = 'it''s 1'",
                "telephony sandbox env | Out-String | Invoke-Expression",
            ],
        ),
    ],
)
def test_a_line_is_the_one_of_the_shell(powershell, lines):
    assert [
        exported("KEY", powershell=powershell),
        exported("KEY", "it's 1", powershell=powershell),
        evaluated("telephony sandbox env", powershell=powershell),
    ] == lines
