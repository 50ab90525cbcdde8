"""What not every system has. A test that needs it says so, and is skipped elsewhere."""

from __future__ import annotations

import os
import sys

import pytest

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
TERMINAL = pytest.mark.skipif(
    not hasattr(os, "openpty"), reason="this system has no pseudo terminals"
)
INTERRUPT = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows interrupts every process of a console, not one"
)
SHELL = pytest.mark.skipif(
    sys.platform == "win32", reason="the commands are those of a POSIX shell"
)
MODES = pytest.mark.skipif(sys.platform == "win32", reason="on Windows files have no modes")
SYMLINK = pytest.mark.skipif(
    sys.platform == "win32", reason="on Windows only administrators may make links"
)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the file it looks into")
PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
