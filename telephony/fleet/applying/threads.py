"""Apply lanes over blocking providers, with threads that last as long as the run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from telephony.errors import TelephonyError
from telephony.fleet.applying.board import EVERY
from telephony.fleet.applying.job import Job
from telephony.fleet.applying.steps import Call, Find, Save
from telephony.fleet.journal.protocol import Lane
from telephony.protocols import PhoneNumberProvider


class Workers:
    """The threads of one run."""

    def __init__(self, job: Job[PhoneNumberProvider]) -> None:
        self._job = job
        self._reading = threading.Lock()
        # One for each thread that has ended. Before Python 3.13, a thread whose join() is
        # interrupted counts as ended while it works, and would not be waited for any more.
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._slots = {
            profile: threading.Semaphore(many) for profile, many in job.concurrency.items()
        }

    def run(self) -> None:
        """Work until nothing is left that can be done.

        Interrupted, it finishes the operations that are under way and begins no more. Interrupted
        a second time it leaves them: they are settled when the run is resumed.
        """
        board, threads = self._job.begun(), list(self._threads())
        try:
            for thread in threads:
                thread.start()
            left = len(threads)
            while left:
                with suppress(Empty):
                    self._ended.get(timeout=EVERY)
                    left -= 1
                board.show()
        except BaseException:
            board.stop()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            raise
        board.show(last=True)
        board.check()

    def _threads(self) -> Iterator[threading.Thread]:
        job = self._job
        for profile, count in job.beginnings().items():
            lanes = job.lanes(profile)
            for _ in range(min(count, job.concurrency[profile])):
                yield threading.Thread(
                    target=self._work, args=(lanes,), name=f"fleet-{profile}", daemon=True
                )

    def _work(self, lanes: Iterator[Lane]) -> None:
        try:
            while (lane := self._next(lanes)) is not None:
                self._apply(lane)
        except BaseException as failure:
            self._job.board.stop(failure)
        finally:
            self._ended.put(None)

    def _next(self, lanes: Iterator[Lane]) -> Lane | None:
        with self._reading:
            return None if self._job.board.stopping else next(lanes, None)

    def _apply(self, lane: Lane) -> None:
        job, steps = self._job, self._job.steps(lane)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Save):
                    job.save(step).result()
                    step = next(steps)
                    continue
                try:
                    result = self._call(step)
                except TelephonyError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration:
            return

    def _call(self, call: Call | Find) -> object:
        provider = self._job.providers[call.profile]
        with self._slots[call.profile]:
            if isinstance(call, Find):
                held = provider.list_numbers()
                return next((number for number in held if number.mark == call.mark), None)
            return getattr(provider, call.operation)(**call.arguments)
