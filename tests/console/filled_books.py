"""A ledger with requests of every kind, for the pages that show them."""

import time
from contextlib import closing
from pathlib import Path

from console_site import FLEET
from ledger_records import failed, reserve, settle

from tollway.dispatch.messages import Reserve, Settle
from tollway.fleet.usage import Usage
from tollway.ledger.sqlite import open_for_gateway

MODEL, SOURCE = "m", "one"
INPUT, OUTPUT = 500_000, 1_500_000
"""Pico-dollars a token of `console_site.FLEET`."""

FORMULA = '=HYPERLINK("http://127.0.0.1/","x")'

CONTRACTED = (
    FLEET.replace(
        "[tenants.team]",
        '[tenants.team]\nprice_book = "list"\nbudget = { day = "5", month = "0.10" }',
    )
    + """
[[price_books.list]]
since = 2026-01-01
monthly = "10.00"
markup = "0.20"

[parties.us]
title = "Us"

[parties.seller]
title = "Seller"

[contracts.lease]
buyer = "us"
supplier = "seller"
sources = ["one"]
term = { start = 2026-01-01, months = 36 }
commitment = { amount = "36500", true_up = "pay" }
"""
)
"""The same with a price book, a budget and a contract with a commitment."""


def fill(state: Path, count: int = 130) -> list[Settle]:
    """Book `count` requests of the last minute or so; the settlements, oldest first."""
    now = time.time()
    made: list[Settle] = []
    items: list[Reserve | Settle] = []
    for at in range(count):
        name, utc = f"boot-{at:08x}", now - 0.5 * (count - at)
        tries = (failed(source=SOURCE, model=MODEL, cost=100 * INPUT + 3 * OUTPUT),)
        tries = tries if at % 10 == 3 else ()
        usage = Usage(input=1_000 + at, output=100, estimated=at % 25 == 7)
        own = usage.input * INPUT + usage.output * OUTPUT
        ill = at % 13 == 5
        items.append(
            reserve(
                name,
                tenant="team" if at % 3 else "other",
                route="chat",
                tag=FORMULA if at == 9 else f"job-{at % 4}" if at % 2 else None,
                amount=2 * own,
                utc=utc - 2.0,
            )
        )
        one = settle(
            name,
            utc=utc,
            source=SOURCE,
            model=MODEL,
            outcome="failed" if ill else "completed",
            code="upstream_cut" if ill else None,
            usage=usage,
            cost=own + sum(it.cost for it in tries),
            attempts=1 + len(tries),
            failed=tries,
            ttft=0.7,
            duration=2.0,
        )
        made.append(one)
        items.append(one)
    with closing(open_for_gateway(state / "ledger.sqlite")) as ledger:
        assert not ledger.book(items)
    return made
