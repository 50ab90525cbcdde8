"""Run Python as processes of their own, forked where all that they import is loaded already.

    python forked.py < jobs

It connects to every vendor of a sandbox first, so that what is loaded late is loaded too, and
prints a line when it is ready.

Each line is a job as JSON: Python's arguments, with a module (``-m``), code (``-c``) or a path
first, the environment and the folder, and files for stdin, stdout and stderr. `dies` is null, or
the count of lines before whose execution it is killed with SIGKILL: lines of the functions of the
program at that path, but not of `main`, which only reads arguments. Prints each exit code, negative
for a signal.
"""

from __future__ import annotations

import argparse  # noqa: F401 - loaded for the programs, as are others that nothing here uses
import gc
import json
import os
import runpy
import signal
import sqlite3  # noqa: F401
import sys
import traceback
import types

import phonenumbers  # noqa: F401
import rich.progress
import rich.table  # noqa: F401
import typer  # noqa: F401

import telephony
import telephony.fleet
from telephony import registry
from telephony.sandbox import Sandbox


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
        zip(job["files"], [os.O_RDONLY | os.O_NOCTTY, os.O_WRONLY, os.O_WRONLY], strict=True)
    ):
        os.dup2(os.open(file, flags), number)
    search = job["environment"].get("PYTHONPATH")
    if search:
        sys.path[:0] = search.split(os.pathsep)
        registry.available.cache_clear()
    first, *rest = job["arguments"]
    if job["dies"]:
        sys.settrace(killed_before(first, job["dies"]))
    try:
        if first == "-m":
            sys.argv = rest
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        elif first == "-c":
            sys.argv = ["-c", *rest[1:]]
            sys.path.insert(0, "")
            sys.modules["__main__"] = main = types.ModuleType("__main__")
            exec(compile(rest[0], "<string>", "exec"), vars(main))  # noqa: S102
        else:
            sys.argv = [first, *rest]
            runpy.run_path(first, run_name="__main__")
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
    with Sandbox() as sandbox:
        for name in registry.available():
            with telephony.connect(name, settings=sandbox.settings(name)) as provider:
                list(provider.list_numbers())
    gc.freeze()  # or each process would copy what it merely looks through
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = run(json.loads(line))
            sys.stdout.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
