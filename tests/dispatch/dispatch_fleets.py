"""Small fleets to decide over, and a caller that does what dispatch says."""

from collections.abc import Iterable, Mapping

from tollway.dispatch.machine import Dispatcher
from tollway.dispatch.messages import (
    Abort,
    Action,
    Arrived,
    Cancelled,
    Content,
    EndWithError,
    Event,
    Failed,
    FailureKind,
    Finished,
    Progressed,
    Reject,
    Relay,
    Reserve,
    Reserved,
    Send,
    Settle,
    WakeAt,
    Woke,
)
from tollway.dispatch.opening import Opening
from tollway.dispatch.recording import encode_step
from tollway.fleet.objects import Budget, Dialect, Fleet, KeyTerms, Limits
from tollway.fleet.parse import parse
from tollway.fleet.tiers import Tier
from tollway.fleet.usage import Usage
from tollway.units import PicoDollars

SOURCE = """
[sources.{name}]
kind = "server"
url = "http://127.0.0.1:{port}/v1"
{slots}
{extra}
[sources.{name}.serves.m]
context = 100000
prices = [{{ since = 2020-01-01, input = "{input}", output = "{output}" }}]
{serves}
"""


def source(
    name: str,
    port: int = 9000,
    *,
    slots: int | None = None,
    input_price: str = "1.00",
    output_price: str = "2.00",
    extra: str = "",
    serves: str = "",
) -> str:
    """A source of model `m` as fleet text."""
    bound = f"slots = {slots}" if slots is not None else ""
    return SOURCE.format(
        name=name,
        port=port,
        slots=bound,
        input=input_price,
        output=output_price,
        extra=extra,
        serves=serves,
    )


def fleet_of(
    sources: Iterable[str],
    route: str = 'model = "m"',
    tenant: str = "",
    rest: str = "",
) -> Fleet:
    """A fleet with model `m`, route `r` and tenant `t`."""
    text = (
        f"version = 1\n{rest}\n[models.m]\nreserve_output = 100\n"
        + "".join(sources)
        + f"\n[routes.r]\n{route}\n[tenants.t]\n{tenant}\n"
    )
    return parse({"fleet.toml": text}, "fleet.toml")


def key(
    name: str = "k",
    *,
    rpm: int | None = None,
    tpm: int | None = None,
    concurrency: int | None = None,
    day: int | None = None,
    overdraft: int = 0,
) -> KeyTerms:
    """A key of tenant `t`; money in pico-dollars."""
    return KeyTerms(
        name,
        "t",
        Limits(rpm, tpm, concurrency),
        Budget(None if day is None else PicoDollars(day), None, PicoDollars(overdraft)),
    )


def opening(*keys: KeyTerms, utc: float = 1_790_000_000.0) -> Opening:
    """A start at which nothing has been spent."""
    return Opening(keys or (key(),), utc, ())


class Caller:
    """Tells a dispatcher what happens, does the bookkeeping of its actions, and commits every
    reservation at once unless `hold_reservations`."""

    def __init__(self, fleet: Fleet, *keys: KeyTerms) -> None:
        self.dispatcher = Dispatcher(fleet, opening(*keys), 0.0)
        self.now = 0.0
        self.hold_reservations = False
        self.sent: dict[str, Send] = {}
        self.reserved: dict[str, Reserve] = {}
        self.settled: dict[str, Settle] = {}
        self.rejected: dict[str, Reject] = {}
        self.aborted: dict[str, Abort] = {}
        self.broken_off: dict[str, EndWithError] = {}
        self.relayed: dict[str, Relay] = {}
        self.log: list[Action] = []
        self.wake: float | None = None
        self._ids = 0

    def tell(self, event: Event) -> list[Action]:
        """One event now, and its actions done."""
        actions = self.dispatcher.handle(event, self.now)
        self.do(actions)
        return actions

    def do(self, actions: Iterable[Action]) -> None:
        """Do what was decided."""
        kept: Mapping[type, dict[str, object]] = {
            Send: self.sent,
            Reserve: self.reserved,
            Settle: self.settled,
            Reject: self.rejected,
            Abort: self.aborted,
            EndWithError: self.broken_off,
            Relay: self.relayed,
        }  # type: ignore[assignment]
        for action in actions:
            self.log.append(action)
            if isinstance(action, WakeAt):
                self.wake = action.when if self.wake is None else min(self.wake, action.when)
                continue
            if type(action) in kept:
                kept[type(action)][action.request] = action  # type: ignore[union-attr]
            if isinstance(action, Reserve) and not self.hold_reservations:
                self.tell(Reserved(action.request))

    def arrive(
        self,
        *,
        key: str = "k",
        route: str = "r",
        input_tokens: int = 100,
        max_output: int | None = None,
        stream: bool = True,
        prefix: int = 0,
        draw: int = 0,
        batch: bool = False,
        choices: int = 1,
        tier: Tier | None = None,
        spoken: tuple[Dialect, ...] | None = None,
        allowed: tuple[str, ...] | None = None,
    ) -> str:
        """A request arrives; gives its id."""
        self._ids += 1
        request = f"q{self._ids}"
        self.tell(
            Arrived(
                request,
                key,
                route,
                "chat",
                stream,
                input_tokens,
                max_output,
                prefix,
                draw,
                "batch" if batch else None,
                tier,
                choices=choices,
                spoken=spoken,
                allowed=allowed,
            )
        )
        return request

    def content(self, request: str) -> None:
        """First content."""
        self.tell(Content(request, self.sent[request].attempt))

    def progress(self, request: str, tokens: int) -> None:
        """Tokens so far."""
        self.tell(Progressed(request, self.sent[request].attempt, tokens))

    def finish(self, request: str, input: int = 100, output: int = 10) -> None:  # noqa: A002 - as in Usage
        """The whole answer is there."""
        usage = Usage(input=input, output=output)
        self.tell(Finished(request, self.sent[request].attempt, usage))

    def fail(
        self,
        request: str,
        kind: FailureKind = "status",
        status: int | None = 500,
        retry_after: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        """The attempt failed."""
        self.tell(
            Failed(
                request,
                self.sent[request].attempt,
                kind,
                usage or Usage(),
                status if kind == "status" else None,
                retry_after,
            )
        )

    def cancel(self, request: str) -> None:
        """The client left."""
        self.tell(Cancelled(request, Usage()))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, waking dispatch whenever it asked for it."""
        end = self.now + seconds
        while self.wake is not None and self.wake <= end:
            self.now = max(self.now, self.wake)
            self.wake = None
            self.tell(Woke())
        self.now = end

    def source_of(self, request: str) -> str:
        """Where the request was last sent."""
        return self.sent[request].source

    def outstanding(self, source: str) -> int:
        """Requests in flight at a source, as dispatch counts them."""
        sources = self.dispatcher.snapshot(self.now)["sources"]
        return sources[source]["outstanding"]  # type: ignore[index]

    def breaker(self, source: str) -> str:
        """The state of a source's breaker for model `m`."""
        sources = self.dispatcher.snapshot(self.now)["sources"]
        return sources[source]["models"]["m"]["breaker"]  # type: ignore[index]


class Recording:
    """A dispatcher whose steps are kept in `lines`, as a gateway's recording has them."""

    def __init__(self, dispatcher: Dispatcher, lines: list[bytes]) -> None:
        self._dispatcher = dispatcher
        self._lines = lines

    def handle(self, event: Event, now: float) -> list[Action]:
        """See `Dispatcher.handle`."""
        actions = self._dispatcher.handle(event, now)
        self._lines.append(encode_step(now, event, actions))
        return actions
