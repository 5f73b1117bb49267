"""The traffic in a gateway's recording: who asked for what, and how long the answers were.

Rules
1. What a request was told is not read, only that it was asked and how long its answer was: another
   fleet decides anew.
2. Nobody knows how long the answer of a request would have been that got none, or only a part: it
   is taken as the median of the whole answers on its route, and the trace says how many those are.
3. A last line that a crash tore, or that is still being written, is left out.
"""

from collections.abc import Iterable, Sequence
from statistics import median_low

import msgspec

from tollway.dispatch.messages import Arrived, Cancelled, Failed, Finished, KeysChanged
from tollway.dispatch.recording import Header, Step, decode_line
from tollway.errors import Fault, FaultsFound, TollwayError
from tollway.fleet.objects import KeyTerms, Operation, RequestClass
from tollway.simulator.trace import Trace, TraceRequest, in_order
from tollway.units import Seconds, Tokens, UtcSeconds

PREFIX_TOKENS = 256
"""Tokens that a recorded prefix stands for: the gateway hashes a prompt's beginning only."""


class Heard(msgspec.Struct):
    """What is known of one request. `utc` is when it arrived; `input` and `output` are None where
    nobody counted them."""

    utc: float
    route: str
    key: str
    operation: Operation = "chat"
    input: int | None = None
    output: int | None = None
    stream: bool = True
    prefix: int = 0
    max_output: int | None = None
    request_class: RequestClass | None = None


def read_recording(name: str, lines: Sequence[str]) -> Trace:
    """The requests of a recording, by arrival.

    Raises:
        FaultsFound: a line is not one of a recording of this version; the text names it.
    """
    listening = _Listening()
    for number, line in enumerate(lines, 1):
        try:
            entry = decode_line(line.encode(), number)
        except TollwayError as error:
            if number == len(lines):
                break
            why = str(error).removeprefix(f"recording: line {number} ")
            raise FaultsFound([Fault(f"{name}:{number}", why)]) from error
        if isinstance(entry, Header):
            listening.begin(entry)
        elif isinstance(entry, Step):
            listening.hear(entry)
    return traffic(name, listening.all, tuple(listening.keys.values()))


class _Listening:
    """All requests so far, and those that have not ended. Each run of a gateway has a clock and
    ids of its own."""

    def __init__(self) -> None:
        self.all: list[Heard] = []
        self.keys: dict[str, KeyTerms] = {}
        self._open: dict[str, Heard] = {}
        self._offset = 0.0

    def begin(self, header: Header) -> None:
        """A gateway started."""
        self._open.clear()
        self._offset = header.opening.utc_offset
        self.keys.update((terms.key, terms) for terms in header.opening.keys)

    def hear(self, step: Step) -> None:
        """One event."""
        event = step.event
        if isinstance(event, Arrived):
            heard = _heard(event, step.now + self._offset)
            self._open[event.request] = heard
            self.all.append(heard)
        elif isinstance(event, Finished | Failed | Cancelled):
            heard = self._open.get(event.request)
            if heard is not None and event.usage.input:
                heard.input = event.usage.input
            if heard is not None and isinstance(event, Finished):
                heard.output = event.usage.output
        elif isinstance(event, KeysChanged):
            self.keys.update((terms.key, terms) for terms in event.keys)


def _heard(event: Arrived, utc: float) -> Heard:
    return Heard(
        utc,
        event.route,
        event.key,
        event.operation,
        event.input_tokens,
        None,
        event.stream,
        event.prefix,
        event.max_output,
        event.request_class,
    )


def traffic(name: str, heard: Sequence[Heard], keys: tuple[KeyTerms, ...]) -> Trace:
    """A trace of what was heard, by rule 2.

    Raises:
        FaultsFound: nothing was heard.
    """
    if not heard:
        raise FaultsFound([Fault(name, "holds no requests")])
    inputs = _medians((one.route, one.input) for one in heard)
    outputs = _medians((one.route, one.output) for one in heard)
    assumed = sum(one.output is None for one in heard)
    note = f"{assumed} of {len(heard)} requests had no whole answer; its length is assumed."
    return Trace(
        name,
        in_order(_request(one, inputs, outputs) for one in heard),
        prefix_tokens=PREFIX_TOKENS,
        began=UtcSeconds(min(one.utc for one in heard)),
        keys=keys,
        notes=(note,) if assumed else (),
    )


def _medians(counted: Iterable[tuple[str, int | None]]) -> dict[str, int]:
    found: dict[str, list[int]] = {}
    for route, tokens in counted:
        if tokens is not None:
            found.setdefault(route, []).append(tokens)
    return {route: median_low(tokens) for route, tokens in found.items()}


def _request(one: Heard, inputs: dict[str, int], outputs: dict[str, int]) -> TraceRequest:
    given = inputs.get(one.route, 1) if one.input is None else one.input
    output = outputs.get(one.route, one.max_output or 1) if one.output is None else one.output
    return TraceRequest(
        Seconds(one.utc),
        Tokens(max(1, given)),
        Tokens(output),
        prefix=(one.prefix,) if one.prefix and given >= PREFIX_TOKENS else (),
        route=one.route,
        key=one.key,
        operation=one.operation,
        stream=one.stream,
        max_output=one.max_output,
        request_class=one.request_class,
    )
