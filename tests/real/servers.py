"""Bring the real servers that tests are run against, and run those tests: ``make real``.

What a machine cannot bring is named, and its tests are skipped. To add a server, add to `SERVERS`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

LIVEKIT = "v1.13.5"
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "telephony-real"
)


@dataclass(frozen=True)
class Server:
    """A program that tests need.

    Attributes:
        name: as it is called on the command line, and looked for.
        bring: make it available; returns its path.
    """

    name: str
    bring: Callable[[], str | None]


class MissingError(Exception):
    """Why this machine cannot bring a server."""


def livekit_server() -> str | None:
    found = shutil.which("livekit-server")
    if found is not None:
        return found
    folder = CACHE / "bin" / LIVEKIT
    kept = folder / "livekit-server"
    if not kept.exists():
        go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
        if go is None:
            raise MissingError("Go is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        package = f"github.com/livekit/livekit-server/cmd/server@{LIVEKIT}"
        run(go, "install", package, GOBIN=str(folder))
        (folder / "server").rename(kept)
    return str(kept)


def redis_server() -> str | None:
    return shutil.which("redis-server") or installed("redis-server")


def chromium() -> str | None:
    return shutil.which("chromium") or installed("chromium")


SERVERS: Mapping[str, Server] = {
    "TELEPHONY_LIVEKIT_SERVER": Server("livekit-server", livekit_server),
    "TELEPHONY_REDIS_SERVER": Server("redis-server", redis_server),
    "TELEPHONY_CHROMIUM": Server("chromium", chromium),
}
"""By the environment variable that names it to tests."""
MARKS = "livekit_server or browser"


def installed(package: str) -> str | None:
    """Install a Debian package; return where its program of the same name is."""
    apt = shutil.which("apt-get")
    # Windows has no users with numbers.
    if apt is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise MissingError("it is not installed, and only root on Debian can install it here")
    run(apt, "update", "-qq")
    # The program alone: tests start it themselves, and no service is to run.
    run(apt, "install", "-y", "-qq", "--no-install-recommends", package, RUNLEVEL="1")
    return shutil.which(package)


def run(*command: str, **environment: str) -> None:
    try:
        subprocess.run(command, check=True, env={**os.environ, **environment})
    except subprocess.CalledProcessError as failure:
        raise MissingError(f"`{' '.join(command)}` failed with {failure.returncode}") from None


def main() -> int:
    missing: list[str] = []
    environment = dict(os.environ)
    for variable, server in SERVERS.items():
        try:
            path = environment.get(variable) or server.bring()
            if path is None:
                raise MissingError("it is not where it should be")
        except (MissingError, OSError) as reason:
            missing.append(f"{server.name}: {reason}")
        else:
            environment[variable] = path
            sys.stdout.write(f"{server.name}: {path}\n")
    tests = [sys.executable, "-m", "pytest", "-n", "0", "-rs", "-m", MARKS, *sys.argv[1:]]
    sys.stdout.flush()
    failed = subprocess.run(tests, env=environment).returncode
    for reason in missing:
        sys.stdout.write(f"Not brought, so that its tests were skipped: {reason}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
