"""Apply lanes over asynchronous providers, with tasks that last as long as the run."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import islice

from telephony.errors import TelephonyError
from telephony.fleet.applying.board import EVERY
from telephony.fleet.applying.job import Job
from telephony.fleet.applying.steps import Call, Find, Save
from telephony.fleet.journal.protocol import Lane
from telephony.protocols import AsyncPhoneNumberProvider

_AT_ONCE = 100


class AsyncWorkers:
    """The tasks of one run."""

    def __init__(self, job: Job[AsyncPhoneNumberProvider]) -> None:
        self._job = job
        self._slots = {
            profile: asyncio.Semaphore(many) for profile, many in job.concurrency.items()
        }

    async def run(self) -> None:
        """Work until nothing is left that can be done.

        Cancelled, it finishes the operations that are under way and begins no more. Cancelled a
        second time it leaves them: they are settled when the run is resumed.
        """
        board = await asyncio.to_thread(self._job.begun)
        workers = await self._workers()
        waiting = set(workers)
        try:
            while waiting:
                _, waiting = await asyncio.wait(waiting, timeout=EVERY)
                board.show()
        except BaseException:
            board.stop()
            if waiting:
                await asyncio.wait(waiting)
            raise
        board.show(last=True)
        board.check()

    async def _workers(self) -> list[asyncio.Task[None]]:
        job = self._job
        beginnings = await asyncio.to_thread(job.beginnings)
        return [
            asyncio.create_task(self._work(lanes), name=f"fleet-{profile}")
            for profile, count in beginnings.items()
            for lanes in [_Lanes(job.lanes(profile))]
            for _ in range(min(count, job.concurrency[profile]))
        ]

    async def _work(self, lanes: _Lanes) -> None:
        board = self._job.board
        try:
            while not board.stopping and (lane := await lanes.next()) is not None:
                await self._apply(lane)
        except Exception as failure:
            board.stop(failure)

    async def _apply(self, lane: Lane) -> None:
        job, steps = self._job, self._job.steps(lane)
        try:
            step = next(steps)
            while True:
                if isinstance(step, Save):
                    await asyncio.wrap_future(job.save(step))
                    step = next(steps)
                    continue
                try:
                    result = await self._call(step)
                except TelephonyError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration:
            return

    async def _call(self, call: Call | Find) -> object:
        provider = self._job.providers[call.profile]
        async with self._slots[call.profile]:
            if isinstance(call, Find):
                async for number in provider.list_numbers():
                    if number.mark == call.mark:
                        return number
                return None
            return await getattr(provider, call.operation)(**call.arguments)


class _Lanes:
    """Lanes for several tasks, read a few at a time where reading does not hold up the others."""

    def __init__(self, lanes: Iterator[Lane]) -> None:
        self._lanes = lanes
        self._read: deque[Lane] = deque()
        self._reading = asyncio.Lock()

    async def next(self) -> Lane | None:
        async with self._reading:
            if not self._read:
                self._read += await asyncio.to_thread(lambda: list(islice(self._lanes, _AT_ONCE)))
            return self._read.popleft() if self._read else None
