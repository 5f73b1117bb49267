"""What the pages go by: the fleet, its gateway, the ledger, the news, who is signed in."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from starlette.requests import Request

from tollway.console.audit import Audit
from tollway.console.books import Books
from tollway.console.caller import Caller
from tollway.console.feed import Feed
from tollway.console.hands import Hands
from tollway.console.oidc.attempts import Attempts
from tollway.console.scrapes import Scrapes
from tollway.console.sessions import Sessions
from tollway.console.throttle import Throttle
from tollway.console.verification import Verification
from tollway.fleet.consoling import ConsoleSettings
from tollway.fleet.objects import Fleet

if TYPE_CHECKING:
    from tollway.console.oidc.provider import Provider


@dataclass(slots=True)
class Desk:
    """One console's means. `fleet` and `settings` are those of the last reload, `path` is the fleet
    file's, `folder` the state's; `utc` gives seconds, `say` is the log; `throttle` is that of wrong
    keys; `hosts` are what browsers may call us, with ports; `url` is what they are given; `twin` is
    held while one rehearses."""

    path: Path
    folder: Path
    fleet: Fleet
    settings: ConsoleSettings
    gateway: Caller
    feed: Feed
    books: Books
    sessions: Sessions
    hands: Hands
    attempts: Attempts
    throttle: Throttle
    audit: Audit
    verification: Verification
    utc: Callable[[], float]
    say: Callable[[str], None]
    fault: Callable[[BaseException], None]
    hosts: frozenset[str] = frozenset()
    url: str = ""
    provider: "Provider | None" = None
    scrapes: Scrapes = field(default_factory=Scrapes)
    twin: asyncio.Lock = field(default_factory=asyncio.Lock)


def desk_of(request: Request) -> Desk:
    """The desk of the application that answers."""
    return cast("Desk", request.app.state.desk)
