"""The one credential that a request presents, or none.

Rules
1. `Authorization: Bearer KEY`, `x-api-key: KEY` and `x-goog-api-key: KEY` are the same thing; the
   scheme's case is free.
2. Two different credentials are none: a proxy in front may have checked the other one.
3. What is there and cannot be read (another scheme, blanks inside, not printable ASCII) is none,
   even beside one that can.
"""

import re
from typing import Final

_MAX_KEY: Final = 256
_BEARER: Final = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([!-~]+)\Z")
_BARE: Final = re.compile(rb"[!-~]+\Z")
_BLANKS: Final = b" \t"
"""What HTTP allows around a field's value (RFC 9110, 5.5)."""


def presented_key(
    authorization: bytes | None, x_api_key: bytes | None, x_goog_api_key: bytes | None = None
) -> bytes | None:
    """The key in the values of these headers; None where there is none or it is ambiguous."""
    if x_goog_api_key is not None:
        if x_api_key is not None and x_api_key != x_goog_api_key:
            return None
        x_api_key = x_goog_api_key
    bearer = bare = None
    if authorization is not None:
        found = _BEARER.match(authorization.strip(_BLANKS))
        if found is None:
            return None
        bearer = found[1]
    if x_api_key is not None:
        found = _BARE.match(x_api_key.strip(_BLANKS))
        if found is None:
            return None
        bare = found[0]
    if bearer is not None and bare is not None and bearer != bare:
        return None
    key = bearer or bare
    return key if key is not None and len(key) <= _MAX_KEY else None
