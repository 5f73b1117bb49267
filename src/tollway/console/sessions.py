"""Who is signed in: kept in memory, so that the end of the console ends every session.

Rules
1. A session is found by the digest of its token; the token itself is in the browser alone.
2. It ends after `session`, after `idle` in which its person did nothing, and when who vouched for
   it no longer does: the admin key was drawn anew, or the fleet file has another provider or other
   roles.
3. A session is kept alive by what its person does, and by nothing that pages do by themselves:
   `find` moves nothing, `touch` does.
4. One account has `_OF_ONE` sessions at once, and its own make room first: whoever signs in a
   thousand times ends nobody else's. What its sessions wait for is counted together too, also of
   those that have ended.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from weakref import WeakValueDictionary

from tollway.fleet.consoling import Role
from tollway.units import Seconds

_MOST = 1000
"""Sessions at once; whose account has most makes room."""
_OF_ONE = 100
"""Of one account: several people may share the admin key."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Account:
    """One `owner` of sessions; `asked` is how many answers all of them wait for."""

    owner: str
    asked: int = 0


@dataclass(slots=True, eq=False)
class Session:
    """One person's sign-in. `voucher` is what let them in: the digest of the admin key, or the
    provider's word; `csrf` is what each of their forms carries; `account` is who they are in
    records, and `of` whose sessions are counted together; `streams` are how many it holds open,
    `asked` how many answers it waits for, streams among them."""

    name: str
    roles: frozenset[Role]
    voucher: str
    account: str
    began: float
    seen: float
    of: Account
    streams: int = 0
    asked: int = 0
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class Sessions:
    """All sessions. `clock` is monotonic."""

    def __init__(self, lasts: Seconds, idle: Seconds, clock: Callable[[], float]) -> None:
        self.lasts = lasts
        self.idle = idle
        self._clock = clock
        self._by_digest: dict[bytes, Session] = {}
        self._accounts: WeakValueDictionary[str, Account] = WeakValueDictionary()

    def begin(
        self, name: str, roles: frozenset[Role], voucher: str, account: str = "", owner: str = ""
    ) -> tuple[str, Session]:
        """A new session, and the token that finds it. `account` is the name where it says all, and
        `owner` the account."""
        now = self._clock()
        token = secrets.token_urlsafe(32)
        account = account or name
        owner = owner or account
        of = self._accounts.get(owner) or self._accounts.setdefault(owner, Account(owner))
        session = Session(name, roles, voucher, account, now, now, of)
        self._make_room(owner)
        self._by_digest[_digest(token)] = session
        return token, session

    def _make_room(self, owner: str) -> None:
        """Rule 4. Of an owner's sessions the one goes that was idle for longest."""
        held = Counter(it.of.owner for it in self._by_digest.values())
        if held[owner] < _OF_ONE:
            if len(self._by_digest) < _MOST:
                return
            owner = max(held, key=lambda it: (held[it], it))
        mine = [
            (it.seen, it.began, key) for key, it in self._by_digest.items() if it.of.owner == owner
        ]
        del self._by_digest[min(mine)[2]]

    def find(self, token: str | None, vouched: Callable[[Session], bool]) -> Session | None:
        """The session of a token that still holds (rule 2); None otherwise."""
        if not token:
            return None
        digest, now = _digest(token), self._clock()
        session = self._by_digest.get(digest)
        if session is None:
            return None
        over = now - session.began > self.lasts or now - session.seen > self.idle
        if over or not vouched(session):
            del self._by_digest[digest]
            return None
        return session

    def touch(self, session: Session) -> None:
        """Its person did something (rule 3)."""
        session.seen = self._clock()

    def end(self, token: str | None) -> None:
        """Sign out."""
        if token:
            self._by_digest.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
