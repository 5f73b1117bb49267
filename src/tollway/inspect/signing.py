"""Signs a lock and checks its signature: Ed25519, detached, in a file beside it.

Rules
1. The signature is over the lock's bytes as they are on the disk, with a word of ours before them,
   so that a signature of something else never fits.
2. The private key is read from a file that only its owner may read, and is never written.
"""

import base64
import binascii
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from tollway.errors import Fault, FaultsFound

_ABOUT = b"tollway ai.lock 1\n"
_LARGEST = 64 * 1024
_MAKE = "Make a key: openssl genpkey -algorithm ed25519 -out lock.key"


def signature_of(lock: Path) -> Path:
    """Where a lock's signature is."""
    return lock.with_name(f"{lock.name}.sig")


def sign(lock: Path, key: Path) -> Path:
    """Write a lock's signature; where it is.

    Raises:
        FaultsFound: the key is none that signs, or others may read it.
    """
    signed = _private(key).sign(_ABOUT + lock.read_bytes())
    path = signature_of(lock)
    new = path.with_name(f".{path.name}.new")
    new.write_text(base64.b64encode(signed).decode() + "\n", "ascii")
    new.replace(path)
    return path


def unsigned(lock: Path, key: Path) -> str | None:
    """Why a lock is not signed by the holder of a public key, as a clause; None where it is.

    Raises:
        FaultsFound: the key is none.
    """
    public = _public(key)
    path = signature_of(lock)
    try:
        signature = base64.b64decode(path.read_bytes()[:_LARGEST].strip(), validate=True)
    except FileNotFoundError:
        return f"has no signature: {path.name} is not there"
    except (OSError, binascii.Error):
        return f"has a signature that cannot be read: {path.name}"
    try:
        public.verify(signature, _ABOUT + lock.read_bytes())
    except InvalidSignature:
        return "is not what was signed, or was signed with another key"
    return None


def _private(path: Path) -> Ed25519PrivateKey:
    text = _read(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        mend = f"Run: chmod 600 {path}"
        raise FaultsFound([Fault(f"{path}:", "may be read by others", mend)])
    try:
        key = load_pem_private_key(text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        problem = "holds no private key in PEM without a password"
        raise FaultsFound([Fault(f"{path}:", problem, _MAKE)]) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise FaultsFound([Fault(f"{path}:", "is not an Ed25519 key", _MAKE)])
    return key


def _public(path: Path) -> Ed25519PublicKey:
    text = _read(path)
    mend = "Write it: openssl pkey -in lock.key -pubout -out lock.pub"
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise FaultsFound([Fault(f"{path}:", "holds no public key in PEM", mend)]) from None
    if not isinstance(key, Ed25519PublicKey):
        raise FaultsFound([Fault(f"{path}:", "is not an Ed25519 key", mend)])
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()[:_LARGEST]
    except OSError as error:
        raise FaultsFound([Fault(f"{path}:", f"cannot be read: {error.strerror}")]) from None
