"""Certificates for one task: an authority of its own, whose key is in memory and nowhere else.

Rules
1. A task trusts its own authority only, and it ends with the task: what it signed is worth nothing
   to anybody else.
2. A certificate is for one host, and is made once.
"""

import os
import ssl
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from threading import Lock
from typing import Any

from tollway.egress.channel import ServerSide
from tollway.errors import TollwayError
from tollway.guard.reach import is_address

_MOST_HOSTS = 256
_BEFORE = timedelta(minutes=5)
"""Clocks in a sandbox may be behind."""
_AFTER = timedelta(hours=1)


class Authority:
    """The authority of one task. Making a certificate takes a millisecond: not for the loop."""

    def __init__(self, task: str, utc: float, expires: float) -> None:
        """`expires` is when the task ends, UTC seconds.

        Raises:
            TollwayError: cryptography is not installed.
        """
        x509, ec = _cryptography()
        self._lock = Lock()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._from = datetime.fromtimestamp(utc, UTC) - _BEFORE
        self._until = datetime.fromtimestamp(expires, UTC) + _AFTER
        self._name = _name(x509, f"Tollway task {task}")
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self._own = self._certificate(self._name, self._key.public_key(), None)
        self.pem: str = _pem(self._own)
        """The authority's certificate, for the task to trust."""

    def context(self, host: str) -> ssl.SSLContext:
        """What the proxy shows who asks for a host."""
        with self._lock:
            known = self._contexts.get(host)
            if known is None:
                known = self._contexts[host] = self._new_context(host)
                if len(self._contexts) > _MOST_HOSTS:
                    self._contexts.popitem(last=False)
            else:
                self._contexts.move_to_end(host)
            return known

    def _new_context(self, host: str) -> ssl.SSLContext:
        x509, _ = _cryptography()
        short = host if len(host) <= 64 else "host"
        leaf = self._certificate(_name(x509, short), self._leaf_key.public_key(), host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.sslobject_class = ServerSide
        context.set_servername_callback(_note_name)
        _load(context, _pem(leaf) + self.pem + _private_pem(self._leaf_key))
        return context

    def _certificate(self, subject: Any, public_key: Any, host: str | None) -> Any:
        from cryptography.hazmat.primitives import hashes

        x509, _ = _cryptography()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._until)
            .add_extension(x509.BasicConstraints(host is None, 0 if host is None else None), True)
            .add_extension(_usage(x509, signs=host is None), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        )
        if host is not None:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
            server = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
            one = x509.IPAddress(ip_address(host)) if is_address(host) else x509.DNSName(host)
            builder = builder.add_extension(issuer, False).add_extension(server, False)
            builder = builder.add_extension(x509.SubjectAlternativeName([one]), False)
        return builder.sign(self._key, hashes.SHA256())


def _note_name(tls: object, name: str | None, _: object) -> None:
    if isinstance(tls, ServerSide):
        tls.asked = name


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise TollwayError(
            "The egress proxy needs cryptography, which is not installed. "
            'Run `pip install "tollway[guard]"`.'
        ) from None
    return x509, ec


def _name(x509: Any, text: str) -> Any:
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])


def _usage(x509: Any, *, signs: bool) -> Any:
    return x509.KeyUsage(
        digital_signature=not signs, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs, crl_sign=signs,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(certificate: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _private_pem(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _load(context: ssl.SSLContext, pem: str) -> None:
    # `ssl` reads certificates from files only; this one is in memory and has no name.
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(pem.encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
