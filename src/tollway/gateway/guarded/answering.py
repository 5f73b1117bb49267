"""Questions and their answers, as an operator asks for them over the admin socket.

Rules
1. Each call opens the guard's book anew and leaves it: it is rare, and made in a thread.
2. Who answers is named in the order: the socket says only that it was this machine's owner.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from tollway.errors import TollwayError
from tollway.gateway.http import Refusal
from tollway.ledger.guarded.approvals import Approval, Approvals
from tollway.ledger.guarded.book import GUARD_BOOK, GuardBook


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /approvals`: yes or no to one question, by whom, and why."""

    approval: str
    granted: bool
    who: str
    note: str | None = None


def shown(folder: Path, utc: float) -> Mapping[str, object]:
    """Every question, the latest first.

    Raises:
        Refusal: the book cannot be read.
    """
    try:
        with closing(GuardBook(folder / GUARD_BOOK)) as book:
            return {"approvals": [_plain(it, utc) for it in Approvals(book).all()]}
    except TollwayError as error:
        raise Refusal(503, "guard_unavailable", str(error)) from None


def answer(folder: Path, body: bytes, utc: float) -> Mapping[str, object]:
    """Answer one question.

    Raises:
        Refusal: the order makes no sense, or the question is not open.
    """
    try:
        order = msgspec.json.decode(body, type=Answer)
    except msgspec.MsgspecError as error:
        raise Refusal(400, "bad_order", f"The order cannot be read: {error}.") from None
    if not order.who.strip():
        raise Refusal(400, "bad_order", "Say who answers.")
    try:
        with closing(GuardBook(folder / GUARD_BOOK)) as book:
            decided = Approvals(book).decide(
                order.approval, order.granted, f"admin socket (as {order.who})", utc, order.note
            )
    except TollwayError as error:
        raise Refusal(409, "not_open", str(error)) from None
    return _plain(decided, utc)


def _plain(approval: Approval, utc: float) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(approval)
    return {**told, "state": approval.state(utc)}
