"""Who is signed in: kept in memory, so that the end of the console ends every session.

Rules
1. A session is found by the digest of its token; the token itself is in the browser alone.
2. It ends after `session`, after `idle` without a request, and when who vouched for it no longer
   does: the admin key was drawn anew, or the fleet file has another provider or other roles.
3. A stream that a page holds open is no request: it ends with its session.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from tollway.fleet.consoling import Role
from tollway.units import Seconds

_MOST = 1000
"""Sessions at once; the one that was idle for longest makes room."""


@dataclass(slots=True)
class Session:
    """One person's sign-in. `voucher` is what let them in: the digest of the admin key, or the
    provider's word; `csrf` is what each of their forms carries; `account` is who they are in
    records."""

    name: str
    roles: frozenset[Role]
    voucher: str
    account: str
    began: float
    seen: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class Sessions:
    """All sessions. `clock` is monotonic."""

    def __init__(self, lasts: Seconds, idle: Seconds, clock: Callable[[], float]) -> None:
        self.lasts = lasts
        self.idle = idle
        self._clock = clock
        self._by_digest: dict[bytes, Session] = {}

    def begin(
        self, name: str, roles: frozenset[Role], voucher: str, account: str | None = None
    ) -> tuple[str, Session]:
        """A new session, and the token that finds it. `account` is the name where it says all."""
        now = self._clock()
        token = secrets.token_urlsafe(32)
        if len(self._by_digest) >= _MOST:
            longest = min(self._by_digest, key=lambda it: (self._by_digest[it].seen, it))
            del self._by_digest[longest]
        session = Session(name, roles, voucher, account or name, now, now)
        self._by_digest[_digest(token)] = session
        return token, session

    def find(self, token: str | None, vouched: Callable[[Session], bool]) -> Session | None:
        """The session of a token that still holds (rule 2); None otherwise."""
        session = self._holding(token, vouched)
        if session is not None:
            session.seen = self._clock()
        return session

    def holds(self, token: str | None, vouched: Callable[[Session], bool]) -> bool:
        """Whether it holds, without counting as a request (rule 3)."""
        return self._holding(token, vouched) is not None

    def _holding(self, token: str | None, vouched: Callable[[Session], bool]) -> Session | None:
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

    def end(self, token: str | None) -> None:
        """Sign out."""
        if token:
            self._by_digest.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
