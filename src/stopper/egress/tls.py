"""A certificate authority that lives and dies with one bottle, and the leaves it signs."""

import contextlib
import os
import ssl
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority"]

LIFETIME: Final = timedelta(days=30)
SKEW: Final = timedelta(hours=1)
MAX_LEAVES: Final = 256


class Authority:
    """An ephemeral CA, its key in memory only; leaves carry SAN, SKI and an AKI equal to its SKI.

    `context(host)` gives a server context for a name or an IP literal that accepts a handshake
    only if the client asks for exactly that name (SNI); for an IP literal, only without SNI.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime.now(UTC)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stopper bottle CA")])
        self._certificate = self._sign_self()
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()

    @property
    def pem(self) -> bytes:
        """The CA's certificate, to be trusted inside the bottle."""
        return self._certificate.public_bytes(Encoding.PEM)

    def context(self, host: str) -> ssl.SSLContext:
        """The server side for `host`, made once and kept for the next connections."""
        found = self._contexts.get(host)
        if found is None:
            found = self._contexts[host] = self._make_context(host)
            if len(self._contexts) > MAX_LEAVES:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(host)
        return found

    def _make_context(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        with _memory_file(self._leaf(host)) as path:
            context.load_cert_chain(path)
        wanted = None if _is_address(host) else host

        def check(_: ssl.SSLObject, asked: str | None, __: ssl.SSLContext) -> int | None:
            if (asked.lower() if asked else None) == wanted:
                return None
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

        context.sni_callback = check
        return context

    def _sign_self(self) -> x509.Certificate:
        public = self._key.public_key()
        builder = self._builder(self._name, public)
        for extension, critical in (
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_usage(cert_sign=True), True),
            (x509.SubjectKeyIdentifier.from_public_key(public), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, hashes.SHA256())

    def _leaf(self, host: str) -> bytes:
        """Key, leaf and CA as one PEM."""
        public = self._leaf_key.public_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
        ski = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        builder = self._builder(subject, public)
        for extension, critical in (
            (x509.SubjectAlternativeName([_san(host)]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(cert_sign=False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectKeyIdentifier.from_public_key(public), False),
            (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski.value), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        leaf = builder.sign(self._key, hashes.SHA256())
        key = self._leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + leaf.public_bytes(Encoding.PEM) + self.pem

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - SKEW)
            .not_valid_after(self._now + LIFETIME)
        )


def _usage(*, cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _san(host: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(host)) if _is_address(host) else x509.DNSName(host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def _memory_file(content: bytes) -> Iterator[str]:
    """A file that exists only in memory, because `load_cert_chain` reads nothing but files."""
    descriptor = os.memfd_create("leaf", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
