"""Sign-ins that were begun and are not over: what the way back from the provider is held against.

Rules
1. An attempt is of one browser, which has its secret in a cookie; another's answer is not taken.
2. It is taken once, and not after `_LASTS` seconds.
3. It is for the provider as it was declared when it began.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

LASTS = 600.0
"""Seconds that somebody may take at the provider."""
_MOST = 512
"""Attempts at once; the oldest makes room."""


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in on its way. `browser` is what the cookie holds, `verifier` PKCE's (RFC 7636),
    `to` where to go afterwards, `voucher` names the provider as declared."""

    to: str
    voucher: str
    began: float
    state: str = field(default_factory=_secret)
    browser: str = field(default_factory=_secret)
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
        self._by_state: dict[str, Attempt] = {}

    def begin(self, to: str, voucher: str) -> Attempt:
        attempt = Attempt(to, voucher, self._clock())
        while len(self._by_state) >= _MOST:
            del self._by_state[next(iter(self._by_state))]
        self._by_state[attempt.state] = attempt
        return attempt

    def take(self, state: str | None, browser: str | None, voucher: str) -> Attempt | None:
        """The attempt of a state, for the browser that began it; None where a rule is broken.
        Another browser's try does not use it up."""
        attempt = self._by_state.get(state or "")
        if attempt is None or browser is None:
            return None
        if not hmac.compare_digest(attempt.browser.encode(), browser.encode()):
            return None
        del self._by_state[attempt.state]
        over = self._clock() - attempt.began > LASTS
        return None if over or attempt.voucher != voucher else attempt
