"""Sign-ins that were begun and are not over: what the way back from the provider is held against.

Rules
1. An attempt is of one browser: all of it is in a cookie there, sealed with a key of this process.
   Nothing is kept of those that were begun, so that a thousand strangers push nobody's out.
2. It is taken once, and not after `LASTS` seconds. Of those that were taken a digest is kept for as
   long; where those are too many, all that were begun before the oldest of them are over.
3. It is for the provider as it was declared when it began.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

LASTS = 600.0
"""Seconds that somebody may take at the provider."""
_MOST = 20_000
"""Digests kept at once: some 3 MB."""
_LONGEST_WAY = 1024
"""Letters of where to go afterwards: a cookie has 4 KiB."""
_NONCE = 12
_PURPOSE = b"tollway console: an attempt to sign in"


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in on its way. `verifier` is PKCE's (RFC 7636), `to` where to go afterwards,
    `voucher` names the provider as declared."""

    to: str
    voucher: str
    began: float
    state: str = field(default_factory=_secret)
    nonce: str = field(default_factory=_secret)
    verifier: str = field(default_factory=_secret)

    @property
    def challenge(self) -> str:
        """The verifier's S256."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class Attempts:
    """All of them. `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._taken: set[bytes] = set()
        self._by_age: list[tuple[float, bytes]] = []
        self._over = float("-inf")
        """Attempts that began then or earlier are over (rule 2)."""

    def begin(self, to: str, voucher: str) -> tuple[Attempt, str]:
        """A new attempt, and what the browser keeps of it."""
        attempt = Attempt(to if len(to) <= _LONGEST_WAY else "/", voucher, self._clock())
        nonce = secrets.token_bytes(_NONCE)
        sealed = _cipher(self._key).encrypt(nonce, msgspec.json.encode(attempt), _PURPOSE)
        return attempt, urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def take(self, state: str | None, cookie: str | None, voucher: str) -> Attempt | None:
        """The attempt of a state, for the browser that began it; None where a rule is broken.
        Another state's answer does not use it up."""
        attempt = self._opened(cookie or "")
        if attempt is None or not hmac.compare_digest(
            attempt.state.encode(), (state or "").encode("utf-8", "surrogatepass")
        ):
            return None
        self._forget_old()
        mark = sha256(attempt.state.encode()).digest()
        if mark in self._taken or attempt.began <= self._over:
            return None
        self._taken.add(mark)
        heappush(self._by_age, (attempt.began, mark))
        return attempt if attempt.voucher == voucher else None

    def _opened(self, cookie: str) -> Attempt | None:
        """What is in a cookie that was sealed here."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = urlsafe_b64decode(cookie.encode("ascii") + b"=" * (-len(cookie) % 4))
            text = _cipher(self._key).decrypt(raw[:_NONCE], raw[_NONCE:], _PURPOSE)
        except (ValueError, InvalidTag):
            return None
        return msgspec.json.decode(text, type=Attempt)

    def _forget_old(self) -> None:
        """Rule 2."""
        self._over = max(self._over, self._clock() - LASTS)
        while self._by_age and (self._by_age[0][0] <= self._over or len(self._by_age) >= _MOST):
            began, mark = heappop(self._by_age)
            self._over = max(self._over, began)
            self._taken.discard(mark)


def _cipher(key: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers import aead  # of the extra [oidc]

    return aead.ChaCha20Poly1305(key)
