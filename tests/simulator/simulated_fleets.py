"""Small fleets to rehearse, and what plays traces through them."""

from collections.abc import Iterable, Sequence

from tollway.dispatch.recording import encode_header, encode_step
from tollway.fleet.objects import Fleet, KeyTerms
from tollway.fleet.parse import parse
from tollway.simulator.plain import Plain
from tollway.simulator.play import Drain, Loss, Play
from tollway.simulator.steps import SECOND
from tollway.simulator.supply import supply
from tollway.simulator.trace import Trace, TraceRequest
from tollway.units import Seconds, Tokens

KEYS = (KeyTerms("k", "t"),)
MODEL = "llama-3.1-8b"


def hosted(name: str, *, slots: int | None = None, ttft: str = "200ms", speed: float = 50.0) -> str:
    """A source whose speed is declared, as fleet text."""
    return f"""
[sources.{name}]
kind = "api"
url = "https://{name}.test/v1"
{"" if slots is None else f"slots = {slots}"}
[sources.{name}.serves."{MODEL}"]
expected_ttft = "{ttft}"
expected_speed = {speed}
prices = [{{ since = 2020-01-01, input = "1.00", output = "2.00" }}]
"""


def engines(name: str, *, slots: int | None = None, more: str = "") -> str:
    """A source with chips, as fleet text."""
    return f"""
[sources.{name}]
kind = "server"
url = "http://{name}.test:8000/v1"
chip = "h100"
{"" if slots is None else f"slots = {slots}"}
{more}
[sources.{name}.serves."{MODEL}"]
context = 16000
"""


def fleet_text(sources: Iterable[str], *, route: str = "", tenant: str = "", rest: str = "") -> str:
    """A fleet with the model, route `chat` and tenant `t`."""
    return (
        f'version = 1\n{rest}\n[models."{MODEL}"]\nreserve_output = 100\n'
        + "".join(sources)
        + f'\n[routes.chat]\nmodel = "{MODEL}"\n{route}\n[tenants.t]\n{tenant}\n'
    )


def fleet_of(sources: Iterable[str], **parts: str) -> Fleet:
    """The same, read."""
    return parse({"f": fleet_text(sources, **parts)}, "f")


def trace_of(*rows: tuple[float, int, int]) -> Trace:
    """Requests that arrive at seconds, with tokens in and out."""
    return Trace(
        "t", tuple(TraceRequest(Seconds(at), Tokens(into), Tokens(out)) for at, into, out in rows)
    )


def lost(source: str, at: float, back: float | None = None) -> Loss:
    """A loss, in seconds."""
    return Loss(source, round(at * SECOND), None if back is None else round(back * SECOND))


def drained(source: str, at: float, back: float | None = None) -> Drain:
    """A drain, in seconds."""
    return Drain(source, round(at * SECOND), None if back is None else round(back * SECOND))


def played(
    fleet: Fleet,
    trace: Trace,
    losses: Sequence[Loss] = (),
    seed: int = 0,
    utc: float = 1.7e9,
    drains: Sequence[Drain] = (),
) -> Plain:
    """The whole trace, played."""
    play = Play("chat", "k", KEYS, utc, seed, tuple(losses), drains=tuple(drains))
    run = Plain(fleet, supply(fleet, trace.prefix_tokens), trace, play)
    while run.run(1000):
        pass
    return run


def recorded(text: str, trace: Trace, losses: Sequence[Loss] = ()) -> list[bytes]:
    """What a gateway would have recorded of it."""
    fleet = parse({"f": text}, "f")
    lines: list[bytes] = []
    play = Play("chat", "k", KEYS, 1.7e9, 0, tuple(losses))
    run = Plain(
        fleet,
        supply(fleet, trace.prefix_tokens),
        trace,
        play,
        lambda now, event, actions: lines.append(encode_step(now, event, actions)),
    )
    run.run()
    return [encode_header({"f": text}, "f", run.opening, 0.0), *lines]
