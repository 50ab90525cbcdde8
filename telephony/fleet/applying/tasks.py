"""Apply lanes over asynchronous providers, with tasks that last as long as the run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from telephony.errors import TelephonyError
from telephony.fleet.applying.board import EVERY
from telephony.fleet.applying.job import Job
from telephony.fleet.applying.machine import Call, Save
from telephony.fleet.journal.protocol import Lane
from telephony.protocols import AsyncPhoneNumberProvider


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
        beginnings = await asyncio.to_thread(job.journal.beginnings, job.run)
        return [
            asyncio.create_task(self._work(lanes, reading), name=f"fleet-{profile}")
            for profile, count in beginnings.items()
            for lanes, reading in [(job.lanes(profile), asyncio.Lock())]
            for _ in range(min(count, job.concurrency[profile]))
        ]

    async def _work(self, lanes: Iterator[Lane], reading: asyncio.Lock) -> None:
        try:
            while (lane := await self._next(lanes, reading)) is not None:
                await self._apply(lane)
        except Exception as failure:
            self._job.board.stop(failure)

    async def _next(self, lanes: Iterator[Lane], reading: asyncio.Lock) -> Lane | None:
        async with reading:
            if self._job.board.stopping:
                return None
            return await asyncio.to_thread(next, lanes, None)

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

    async def _call(self, call: Call) -> object:
        method = getattr(self._job.providers[call.profile], call.operation)
        async with self._slots[call.profile]:
            return await method(**call.arguments)
