"""Failing on demand: what a request may suffer, and which requests do.

Rules
1. A failure is written `kind`, `kind=number`, and may end in `; retry-after=seconds`.
2. A share of requests is spread evenly and not drawn: with share 0.25 each fourth request fails.
"""

from dataclasses import dataclass

import msgspec

from tollway.errors import TollwayError, unknown

TAKES_NUMBER = {
    "error-first": False,
    "cut-after": True,
    "stall-after": True,
    "stall": False,
    "rate": True,
    "malformed-after": True,
    "slow-headers": True,
}
"""Kind -> whether a number follows. Beside these, `http-STATUS` answers with that status."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail. `number` counts content chunks for the `-after` kinds, is tokens a second
    for `rate` and seconds for `slow-headers`; `status` belongs to `http-STATUS`."""

    kind: str
    number: float | None = None
    status: int | None = None
    retry_after: float | None = None

    def after(self, kind: str) -> int | None:
        """After how many content chunks this kind strikes; None if this is another kind."""
        return int(self.number or 0) if self.kind == kind else None


def parse_failure(text: str) -> Failure:
    """A failure as it is written in the `x-emulator-fault` header.

    Raises:
        TollwayError: it is not one; the message names what is known.
    """
    first, *options = (part.strip() for part in text.split(";"))
    kind, equals, number = (part.strip() for part in first.partition("="))
    retry_after = None
    for option in options:
        name, _, value = (part.strip() for part in option.partition("="))
        if name != "retry-after":
            raise TollwayError(str(unknown(name, ["retry-after"], f"fault {text!r}: option")))
        retry_after = _number(value, text)
    if kind.startswith("http-"):
        status = kind.removeprefix("http-")
        if not (status.isascii() and status.isdigit() and 400 <= int(status) <= 599):
            raise TollwayError(f"fault {text!r}: {status!r} is no error status. Use 400 to 599.")
        return Failure("http", status=int(status), retry_after=retry_after)
    if kind not in TAKES_NUMBER:
        raise TollwayError(str(unknown(kind, [*TAKES_NUMBER, "http-500", "http-429"], "fault")))
    if TAKES_NUMBER[kind] != bool(equals):
        form = f"{kind}=3" if TAKES_NUMBER[kind] else kind
        raise TollwayError(f"fault {text!r} is not complete. Write {form!r}.")
    value = _number(number, text) if equals else None
    if kind == "rate" and not value:
        raise TollwayError(f"fault {text!r}: a rate is above zero tokens a second.")
    return Failure(kind, value, None, retry_after)


def _number(written: str, text: str) -> float:
    try:
        value = float(written)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1e9:
        raise TollwayError(f"fault {text!r}: {written!r} is not a number of 0 or more.")
    return value


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /emulator/fault`: the `fault` that a `share` of requests suffers, until `count` have,
    or for `seconds` real seconds. None is without end. `model` limits it to one model."""

    fault: str
    share: float = 1.0
    count: int | None = None
    seconds: float | None = None
    model: str | None = None


@dataclass(slots=True)
class _Standing:
    failure: Failure
    order: Order
    until: float | None
    struck: int = 0
    owed: float = 0.0


class Failures:
    """The failures that are on, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._standing: list[_Standing] = []

    def add(self, order: Order, now: float) -> None:
        """Turn a failure on.

        Raises:
            TollwayError: the order makes no sense.
        """
        if not 0.0 < order.share <= 1.0:
            raise TollwayError(f"share is {order.share}. It is above 0, and 1 at most.")
        until = None if order.seconds is None else now + order.seconds
        self._standing.append(_Standing(parse_failure(order.fault), order, until))

    def clear(self) -> None:
        """Turn all failures off."""
        self._standing.clear()

    def listed(self) -> list[dict[str, object]]:
        """What is on, and how often each has struck."""
        return [
            {"fault": one.order.fault, "share": one.order.share, "struck": one.struck}
            for one in self._standing
        ]

    def draw(self, model: str, now: float) -> Failure | None:
        """What a request for `model` that arrives now suffers; the first that strikes wins."""
        self._standing = [
            one
            for one in self._standing
            if (one.until is None or now < one.until)
            and (one.order.count is None or one.struck < one.order.count)
        ]
        for one in self._standing:
            if one.order.model not in (None, model):
                continue
            one.owed += one.order.share
            # A third added three times falls just short of one.
            if one.owed >= 1.0 - 1e-9:
                one.owed -= 1.0
                one.struck += 1
                return one.failure
        return None
