"""Plays a trace open-loop: each request leaves at its time, whatever became of those before it.

Rules
1. A request is sent at its arrival time divided by the pace, and how late it really left is kept.
2. At most `max_in_flight` requests are under way. One that must wait for that leaves late.
3. Every request has a timeout, and ends in exactly one sample.
4. Stopping sends nothing more and cuts what is under way; its samples say `unfinished`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from tollway.replay.answer import Answer
from tollway.replay.client import Client, NoAnswerError
from tollway.replay.prompts import Prompts
from tollway.simulator.report import Sample, SampleOutcome
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds

REFUSED_STATUS = frozenset({402, 429})
"""Budget and rate: the gateway's own no, before anything was sent upstream."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How to play: `route` is asked for, arrivals are divided by `pace`."""

    route: str
    pace: float
    tag: str
    max_in_flight: int
    timeout: Seconds
    seed: int | str


class Player:
    """One replay against one gateway. `samples` grows while it plays, in order of ending."""

    def __init__(
        self, client: Client, orders: Orders, ended: Callable[[Sample], None] | None = None
    ) -> None:
        self.samples: list[Sample] = []
        self._client = client
        self._orders = orders
        self._prompts = Prompts(orders.seed)
        self._ended = ended
        self._stopped = asyncio.Event()
        self._room = asyncio.Semaphore(orders.max_in_flight)
        self._began = 0.0

    def stop(self) -> None:
        """Send nothing more, and cut what is under way."""
        self._stopped.set()

    async def play(self, trace: Trace) -> list[Sample]:
        """All of the trace, or as much of it as was played before `stop`."""
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        running: set[asyncio.Task[Any]] = set()
        stopped: asyncio.Task[Any] = asyncio.create_task(self._stopped.wait())
        try:
            for index, request in enumerate(trace.requests):
                due = request.at / self._orders.pace
                await self._until(self._began + due)
                if not await self._admitted():
                    break
                task = asyncio.create_task(self._one(index, request, Seconds(due)))
                running.add(task)
                task.add_done_callback(running.discard)
            while running and not self._stopped.is_set():
                await asyncio.wait({*running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = list(running)
            for task in (*left, stopped):
                task.cancel()
            await asyncio.gather(*left, stopped, return_exceptions=True)
        return self.samples

    async def _until(self, when: float) -> None:
        delay = when - asyncio.get_running_loop().time()
        if delay <= 0:
            return
        try:
            async with asyncio.timeout(delay):
                await self._stopped.wait()
        except TimeoutError:
            return

    async def _admitted(self) -> bool:
        """Wait for room; False once stopped."""
        while not self._stopped.is_set():
            try:
                async with asyncio.timeout(0.25):
                    await self._room.acquire()
            except TimeoutError:
                continue
            return True
        return False

    async def _one(self, index: int, request: TraceRequest, due: Seconds) -> None:
        clock = asyncio.get_running_loop().time
        answer = Answer(clock)
        body = self._body(index, request)
        sent = clock()
        broken: str | None = None
        try:
            async with asyncio.timeout(self._orders.timeout):
                await self._client.ask("POST", "/v1/chat/completions", answer, body)
        except NoAnswerError as error:
            broken = str(error)
        except TimeoutError:
            broken = "timeout"
        except asyncio.CancelledError:
            broken = "unfinished"
        finally:
            self._room.release()
        sample = self._sample(index, request, answer, broken, (due, sent, clock()))
        self.samples.append(sample)
        if self._ended is not None:
            self._ended(sample)

    def _body(self, index: int, request: TraceRequest) -> bytes:
        # min_tokens and ignore_eos are vLLM's and SGLang's words for "exactly max_tokens".
        output = max(1, request.output)
        return msgspec.json.encode(
            {
                "model": self._orders.route,
                "messages": [
                    {"role": "user", "content": self._prompts.prompt(index, request.input)}
                ],
                "max_tokens": output,
                "min_tokens": output,
                "ignore_eos": True,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
        )

    def _sample(
        self,
        index: int,
        request: TraceRequest,
        answer: Answer,
        broken: str | None,
        times: tuple[Seconds, float, float],
    ) -> Sample:
        due, sent, ended = times
        outcome, reason = judged(answer, broken)
        first, last = answer.first_content, answer.last_content
        headers = answer.headers
        attempts = headers.get("x-tollway-attempts", "")
        asked = (request.input, request.output) if outcome == "ok" else (0, 0)
        return Sample(
            index=index,
            outcome=outcome,
            reason=reason,
            due=due,
            sent=Seconds(sent - self._began),
            ttft=None if first is None else Seconds(first - sent),
            latency=Seconds(ended - sent),
            streaming=Seconds(0.0 if first is None or last is None else last - first),
            input_tokens=asked[0] if answer.input_tokens is None else answer.input_tokens,
            output_tokens=asked[1] if answer.output_tokens is None else answer.output_tokens,
            request=headers.get("x-tollway-request"),
            source=headers.get("x-tollway-source"),
            model=headers.get("x-tollway-model"),
            attempts=int(attempts) if attempts.isdecimal() else 0,
            substituted=headers.get("x-tollway-substituted"),
            status=answer.status or None,
            content=first is not None,
            done=answer.done,
        )


def judged(answer: Answer, broken: str | None) -> tuple[SampleOutcome, str | None]:
    """The outcome of an answer, and the reason where it is not `ok`."""
    if broken == "unfinished":
        return "unfinished", None
    if answer.status in REFUSED_STATUS and answer.complete:
        return "refused", answer.error
    if answer.error is not None:
        return "failed", answer.error
    if broken is not None:
        return "failed", broken
    if answer.done:
        return "ok", None
    return "failed", "cut" if answer.is_stream else "no_stream"
