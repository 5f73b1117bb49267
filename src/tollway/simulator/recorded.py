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
from tollway.fleet.objects import KeyTerms
from tollway.simulator.trace import Trace, TraceRequest, in_order
from tollway.units import Seconds, Tokens, UtcSeconds

PREFIX_TOKENS = 256
"""Tokens that a recorded prefix stands for: the gateway hashes a prompt's beginning only."""


class _Heard(msgspec.Struct):
    """What a recording tells of one request. `utc` is when it arrived; `output` is None until
    there was a whole answer."""

    arrived: Arrived
    utc: float
    input: int
    output: int | None = None


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
        self.all: list[_Heard] = []
        self.keys: dict[str, KeyTerms] = {}
        self._open: dict[str, _Heard] = {}
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
            heard = _Heard(event, step.now + self._offset, max(1, event.input_tokens))
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


def traffic(name: str, heard: Sequence[_Heard], keys: tuple[KeyTerms, ...]) -> Trace:
    """A trace of what was heard, by rule 2."""
    if not heard:
        raise FaultsFound([Fault(name, "holds no requests")])
    usual = _medians(heard)
    assumed = sum(one.output is None for one in heard)
    note = f"{assumed} of {len(heard)} requests had no whole answer; its length is assumed."
    return Trace(
        name,
        in_order(_request(one, usual) for one in heard),
        prefix_tokens=PREFIX_TOKENS,
        began=UtcSeconds(min(one.utc for one in heard)),
        keys=keys,
        notes=(note,) if assumed else (),
    )


def _medians(heard: Iterable[_Heard]) -> dict[str, int]:
    outputs: dict[str, list[int]] = {}
    for one in heard:
        if one.output is not None:
            outputs.setdefault(one.arrived.route, []).append(one.output)
    return {route: median_low(found) for route, found in outputs.items()}


def _request(one: _Heard, usual: dict[str, int]) -> TraceRequest:
    event = one.arrived
    output = one.output
    if output is None:
        output = usual.get(event.route, event.max_output or 1)
    return TraceRequest(
        Seconds(one.utc),
        Tokens(one.input),
        Tokens(output),
        prefix=(event.prefix,) if event.prefix and one.input >= PREFIX_TOKENS else (),
        route=event.route,
        key=event.key,
        operation=event.operation,
        stream=event.stream,
        max_output=event.max_output,
        request_class=event.request_class,
    )
