"""Check an sdist and a wheel before they are published: ``make release-check``.

Both hold what they should and say the same version; the wheel, installed where there is nothing
else, offers what it says without extras and with each of them alone.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
OF_THE_FORGE = (".ci/", ".github/", ".editorconfig", ".git", ".pre-commit-config.yaml")
GENERATED = ("PKG-INFO", "setup.cfg", "telephony.egg-info/")
IN_THE_WHEEL = {"telephony/": "telephony/", "adapters/": "telephony/adapters/"}
EXTRAS = ("", "twilio", "livekit", "cli", "sandbox", "otel", "all")
PROBE = Path(__file__).with_name("probe_install.py")


class CheckError(Exception):
    """Why this must not be published."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", type=Path, help="the folder that `python -m build` made")
    parser.add_argument("--tag", default="", help="the tag to publish, such as v1.2.3")
    given = parser.parse_args()
    try:
        sdist, wheel = _only(given.dist, "*.tar.gz"), _only(given.dist, "*.whl")
        version = _check_version(sdist, wheel, given.tag)
        _run(sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel))
        _run(sys.executable, "-m", "check_wheel_contents", str(wheel))
        _check_contents(sdist, wheel)
        with ThreadPoolExecutor(os.cpu_count()) as several:
            for wanted in several.map(partial(_check_install, wheel), EXTRAS):
                sys.stdout.write(f"{wanted}: as it should be\n")
    except CheckError as reason:
        sys.stderr.write(f"release check: {reason}\n")
        return 1
    sys.stdout.write(f"telephony {version} can be published.\n")
    return 0


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise CheckError(f"{folder} holds {len(found)} of {pattern} instead of one")
    return found[0]


def _check_version(sdist: Path, wheel: Path, tag: str) -> str:
    code = (ROOT / "telephony" / "_version.py").read_text("utf-8")
    version = re.fullmatch(r'__version__ = "(.+)"\n', code)
    if version is None:
        raise CheckError("telephony/_version.py does not say the version alone")
    for package in (sdist, wheel):
        if package.name.split("-")[1].removesuffix(".tar.gz") != version[1]:
            raise CheckError(f"{package.name} is not of version {version[1]}")
    if not tag:
        return version[1]
    if tag != f"v{version[1]}":
        raise CheckError(f"the tag is {tag}, but telephony/_version.py says {version[1]}")
    heading = rf"^## \[{re.escape(version[1])}\] - \d{{4}}-\d\d-\d\d$"
    if not re.search(heading, (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE):
        raise CheckError(f"CHANGELOG.md has no section of {version[1]} with a date")
    return version[1]


def _check_contents(sdist: Path, wheel: Path) -> None:
    listed = _run("git", "-C", str(ROOT), "ls-files", "-z")
    tracked = {name for name in listed.split("\0") if name}
    with tarfile.open(sdist) as archive:
        files = {one.name.partition("/")[2] for one in archive if one.isfile()}
    _check_same(
        sdist,
        {name for name in files if not name.startswith(GENERATED)},
        {name for name in tracked if not name.startswith(OF_THE_FORGE)},
    )
    with zipfile.ZipFile(wheel) as packed:
        inside = {name for name in packed.namelist() if ".dist-info/" not in name}
    _check_same(
        wheel,
        inside,
        {
            installed + name.removeprefix(source)
            for source, installed in IN_THE_WHEEL.items()
            for name in tracked
            if name.startswith(source)
        },
    )


def _check_same(package: Path, holds: set[str], should: set[str]) -> None:
    if holds != should:
        lacks, more = _named(should - holds), _named(holds - should)
        raise CheckError(f"{package.name} lacks {lacks}; it has besides {more}")


def _named(files: Iterable[str]) -> str:
    return ", ".join(sorted(files)) or "nothing"


def _check_install(wheel: Path, extra: str) -> str:
    """Install the wheel in an empty environment and try it; return what was installed."""
    wanted = f"telephony[{extra}]" if extra else "telephony"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "venv"
        venv.create(place, symlinks=os.name != "nt")
        scripts = place / ("Scripts" if os.name == "nt" else "bin")
        _run(
            *(sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install"),
            *("--quiet", "--disable-pip-version-check"),
            *("--constraint", str(ROOT / "constraints.txt")),
            f"{wanted} @ {wheel.resolve().as_uri()}",
        )
        _run(str(scripts / "python"), "-I", "-W", "error", str(PROBE), extra, folder=folder)
    return wanted


def _run(*command: str, folder: str | None = None) -> str:
    # No settings of whoever runs this reach the wheel.
    ours = ("TELEPHONY_", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise CheckError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
