"""Whether an ID token is believed (OpenID Connect Core 1.0, 3.1.3.7).

Rules
1. Its signature is by a key of the provider's, with an algorithm of `ALGORITHMS`: none of them has
   a secret that both sides know, so no public key is ever taken for one.
2. It is from the issuer, for us, for this very attempt (the nonce), and not over.
3. What it says of keys itself (`jwk`, `jku`, `x5c`) is not looked at.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tollway.console.oidc.refusal import NotBelievedError

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
    "EdDSA",
)  # fmt: skip
_KEYS: Final = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_SHORTEST_RSA: Final = 2048
LEEWAY: Final = 60.0
"""Seconds that two clocks may differ by."""
_FRESH: Final = 600.0
"""Seconds that a token may be old: it was made for the attempt that brings it."""
_LONGEST: Final = 64 * 1024

Claims = Mapping[str, Any]


class UnknownKeyError(NotBelievedError):
    """None of the keys fits: the provider may have newer ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say."""

    issuer: str
    client_id: str
    nonce: str


def believed(token: object, keys: Sequence[object], expected: Expected, utc: float) -> Claims:
    """The claims of a token, as it came, signed by one of `keys` (JWKs).

    Raises:
        UnknownKeyError: no key has its id.
        NotBelievedError: it breaks a rule; the text says which, and quotes nothing of it.
    """
    if not isinstance(token, str) or not token.isascii() or len(token) > _LONGEST:
        raise NotBelievedError("the ID token is missing, or is none")
    header = _header(token)
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise NotBelievedError("the ID token is signed with an algorithm that is not believed")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise NotBelievedError("the token says that it is no ID token")
    key = _key(keys, header.get("kid"), algorithm)
    try:
        read = jws.deserialize_compact(token, key, algorithms=[algorithm])
        claims = msgspec.json.decode(read.payload, type=dict[str, Any])
    except (JoseError, ValueError, TypeError, msgspec.MsgspecError, RecursionError):
        raise NotBelievedError("the ID token's signature is not the provider's") from None
    _check(claims, expected, utc)
    return claims


def _header(token: str) -> Mapping[str, Any]:
    first, *rest = token.split(".")
    try:
        if len(rest) != 2:
            raise ValueError
        raw = urlsafe_b64decode(first + "=" * (-len(first) % 4))
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise NotBelievedError("the ID token cannot be read") from None


def _key(keys: Sequence[object], kid: object, algorithm: str) -> RSAKey | ECKey | OKPKey:
    """The one key that a token's header names; where it names none, the only one that fits."""
    fitting = [it for it in map(_public, keys) if it is not None and _fits(it, algorithm)]
    named = [it for it in fitting if it["kid"] == kid] if kid is not None else fitting
    if not named:
        raise UnknownKeyError("no key of the provider's has the ID token's key id")
    if len(named) > 1:
        raise NotBelievedError("several keys of the provider's fit the ID token, and it names none")
    try:
        key = _KEYS[named[0]["kty"]].import_key({k: v for k, v in named[0].items() if v})
    except (JoseError, ValueError, TypeError):
        raise NotBelievedError("the provider's key cannot be read") from None
    if isinstance(key, RSAKey) and key.raw_value.key_size < _SHORTEST_RSA:
        raise NotBelievedError(f"the provider's key has fewer than {_SHORTEST_RSA} bits")
    return key


def _public(said: object) -> dict[str, Any] | None:
    """A key for signatures that a provider lists; None where it is for something else."""
    if not isinstance(said, dict):
        return None
    key = cast("dict[str, Any]", said)
    operations = key.get("key_ops")
    for_signatures = key.get("use", "sig") == "sig" and (
        operations is None or (isinstance(operations, list) and "verify" in operations)
    )
    kind = key.get("kty")
    if not isinstance(kind, str) or kind not in _KEYS or not for_signatures:
        return None
    wanted = ("kty", "kid", "alg", "n", "e", "crv", "x", "y")
    return {name: key.get(name) for name in wanted}


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    if key["alg"] not in (None, algorithm):
        return False
    family = {"R": "RSA", "P": "RSA", "E": "EC"}[algorithm[0]]
    return key["kty"] == ("OKP" if algorithm.startswith("Ed") else family)


def _check(claims: Claims, expected: Expected, utc: float) -> None:
    """Rule 2."""
    if claims.get("iss") != expected.issuer:
        raise NotBelievedError("the ID token is another issuer's")
    audience = claims.get("aud")
    several = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    if expected.client_id not in several:
        raise NotBelievedError("the ID token is for another client")
    party = claims.get("azp")
    if party != expected.client_id and (party is not None or len(several) > 1):
        raise NotBelievedError("the ID token was given to another client")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(), expected.nonce.encode()
    ):
        raise NotBelievedError("the ID token is of another attempt")
    if _moment(claims, "exp") <= utc - LEEWAY:
        raise NotBelievedError("the ID token is over; compare this machine's clock")
    made = _moment(claims, "iat")
    starts = _moment(claims, "nbf") if "nbf" in claims else made
    if max(made, starts) > utc + LEEWAY:
        raise NotBelievedError("the ID token is not valid yet; compare this machine's clock")
    if made < utc - _FRESH - LEEWAY:
        raise NotBelievedError("the ID token is old")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise NotBelievedError("the ID token does not say whose it is")


_ENDLESS = 2**53
"""Seconds that no clock shows: above them whole numbers are not exact, and far above no floats."""


def _moment(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _ENDLESS:
        raise NotBelievedError(f'the ID token has no "{name}"')
    return float(value)
