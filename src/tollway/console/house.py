"""The console's process: a fleet file and what its pages need, behind a listener.

Rules
1. A reload takes all of the fleet file or changes nothing, and says why. The address stays what it
   was at the start, and who is signed in stays so, unless provider or roles are others now.
2. It starts without a gateway and without a ledger: its pages say what is missing.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tollway.console.app import application
from tollway.console.audit import Audit
from tollway.console.books import Books
from tollway.console.caller import Caller
from tollway.console.clocks import Clocks
from tollway.console.desk import Desk
from tollway.console.feed import Feed
from tollway.console.hands import Hands
from tollway.console.oidc.attempts import Attempts
from tollway.console.sessions import Sessions
from tollway.console.throttle import Throttle
from tollway.console.verification import Verification
from tollway.errors import TollwayError
from tollway.fleet.consoling import ConsoleSettings
from tollway.fleet.objects import Fleet
from tollway.gateway.log import Log
from tollway.inspect.fleetfile import read_fleet
from tollway.tools.listening import listen

if TYPE_CHECKING:
    from tollway.console.oidc.provider import Provider

_WRONG_KEYS = 20
_WRONG_KEY_EVERY = 3.0
"""Wrong keys that are answered at once, and how many seconds later one more is."""


class House:
    """Serves one gateway's console. Enter it, and leave it to end."""

    def __init__(self, path: Path, folder: Path, log: Log, clocks: Clocks) -> None:
        """`path` is the fleet file's, `folder` the state's."""
        self._path = path
        self._folder = folder
        self._log = log
        self._clocks = clocks
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "House":
        self.desk = desk = await self._desk()
        self._stack.push_async_callback(desk.feed.close)
        self._stack.callback(desk.books.close)
        self._stack.push_async_callback(desk.hands.close)
        self._stack.callback(desk.audit.close)
        self._stack.push_async_callback(self._forget_provider)
        self._stack.push_async_callback(desk.verification.close)
        begun = desk.settings
        listener = await listen(application(desk), begun.host, begun.port, "console.listen")
        self._stack.push_async_callback(listener.close)
        self.port = listener.port
        host = f"[{begun.host}]" if ":" in begun.host else begun.host
        desk.hosts = _hosts(begun, self.port)
        desk.url = self.url = (begun.url or f"http://{host}:{self.port}").rstrip("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _desk(self) -> Desk:
        fleet = await asyncio.to_thread(read_fleet, self._path)
        settings, steady = _settings(fleet, self._path), self._clocks.steady
        gateway = Caller(self._folder / fleet.gateway.admin_socket)
        provider = await asyncio.to_thread(self._provider, settings)
        return Desk(
            path=self._path,
            folder=self._folder,
            fleet=fleet,
            settings=settings,
            gateway=gateway,
            feed=Feed(gateway),
            books=Books(self._folder / fleet.gateway.ledger),
            hands=Hands(),
            sessions=Sessions(settings.session, settings.idle, steady),
            attempts=Attempts(steady),
            throttle=Throttle(_WRONG_KEYS, _WRONG_KEY_EVERY, steady),
            audit=await asyncio.to_thread(self._audit, fleet),
            verification=Verification(self._path, self._clocks),
            utc=self._clocks.utc,
            say=self._log.say,
            fault=self._log.fault,
            provider=provider,
        )

    def _audit(self, fleet: Fleet) -> Audit:
        guard = fleet.guard
        ocsf = None if guard is None or guard.events is None else self._folder / guard.events
        return Audit(self._folder, ocsf, self._log.say, self._clocks)

    def _provider(self, settings: ConsoleSettings) -> "Provider | None":
        if settings.oidc is None:
            return None
        try:
            from tollway.console.oidc.provider import Provider
        except ImportError:
            raise TollwayError(
                "Signing in with [console.oidc] needs further libraries. Run: "
                'pip install "tollway[oidc]"'
            ) from None
        return Provider(settings.oidc, self._path.absolute().parent, self._clocks)

    async def _forget_provider(self) -> None:
        if self.desk.provider is not None:
            await self.desk.provider.close()

    async def reload(self) -> bool:
        """Take the fleet file as it is now; False, with the reason logged, where it is faulty."""
        try:
            fleet = await asyncio.to_thread(read_fleet, self._path)
            settings = _settings(fleet, self._path)
            provider = await asyncio.to_thread(self._provider, settings)
        except TollwayError as error:
            for line in str(error).splitlines():
                self._log.say(f"console: nothing is changed: {line}")
            return False
        desk = self.desk
        before = desk.provider
        desk.fleet, desk.settings, desk.provider = fleet, settings, provider
        desk.sessions.lasts, desk.sessions.idle = settings.session, settings.idle
        if before is not None:
            await before.close()
        self._log.say("console: the fleet file is taken")
        return True


def _settings(fleet: Fleet, path: Path) -> ConsoleSettings:
    if fleet.console is None:
        mend = 'Write [console] with listen = "127.0.0.1:8440".'
        raise TollwayError(f"{path}: has no [console]. {mend}")
    return fleet.console


def _hosts(settings: ConsoleSettings, port: int) -> frozenset[str]:
    """What browsers may call us: as we listen, as this machine calls itself, as the proxy says."""
    own = f"[{settings.host}]" if ":" in settings.host else settings.host
    names = {f"{own}:{port}", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"}
    if settings.url is not None:
        names.add(urlsplit(settings.url).netloc)
    return frozenset(name.lower() for name in names)
