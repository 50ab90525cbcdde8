"""Run programs as processes of their own, forked where all that they import is loaded already.

    python forked.py < jobs

It connects to every vendor once, by the environment, so that what is loaded late is loaded too,
and prints a line when it is ready.

Each line is a job as JSON: the program's path, its arguments, environment and folder, and files
for stdin, stdout and stderr. `dies` is null, or the count of lines before whose execution it is
killed with SIGKILL: lines of its functions, but not of `main`, which only reads arguments. Prints
each exit code, negative for a signal.
"""

from __future__ import annotations

import argparse  # noqa: F401 - loaded for the programs, as are the next two
import json
import os
import runpy
import signal
import sqlite3  # noqa: F401
import sys
import traceback

import phonenumbers  # noqa: F401

import telephony
from telephony import registry


def killed_before(path, nth):
    """Return a tracing function that kills this process before its nth line of `path`."""
    left = nth

    def lines(frame, event, _):
        nonlocal left
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return lines

    def frames(frame, *_):
        code = frame.f_code
        counted = code.co_filename == path and code.co_name not in {"<module>", "main"}
        return lines if counted else None

    return frames


def run(job):
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for number, (file, flags) in enumerate(
        zip(job["files"], [os.O_RDONLY, os.O_WRONLY, os.O_WRONLY], strict=True)
    ):
        os.dup2(os.open(file, flags), number)
    sys.argv = [job["program"], *job["arguments"]]
    if job["dies"]:
        sys.settrace(killed_before(job["program"], job["dies"]))
    try:
        runpy.run_path(job["program"], run_name="__main__")
    except SystemExit as end:
        if not isinstance(end.code, str):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # as Python itself does at the end of a program
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    for name in registry.available():
        with telephony.connect(name) as provider:
            list(provider.list_numbers())
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = run(json.loads(line))
            sys.stdout.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
