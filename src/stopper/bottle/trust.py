"""Makes everything in a bottle trust the bottle's own certificate authority.

Some variables add a certificate to what a program trusts already and get ours alone; the others
replace it and get the system's roots and ours, or every host that is not intercepted would break.
"""

import contextlib
import os
import re
import shutil
import warnings
from pathlib import Path
from typing import Final

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.utils import CryptographyDeprecationWarning
from msgspec.structs import replace

from stopper.bottle.sandbox import Kind, Mount, Plan, arrange, source_of

__all__ = ["system_roots", "trust"]

MAX_BUNDLE_BYTES: Final = 16 << 20

_AUTHORITY, _BUNDLE, _TRUST_STORE = "authority.pem", "bundle.pem", "truststore.p12"

_ADDING = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
_REPLACING = (
    *("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO"),
    *("GIT_SSL_CAINFO", "CODEX_CA_CERTIFICATE", "AWS_CA_BUNDLE", "NIX_SSL_CERT_FILE"),
    *("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "BUNDLE_SSL_CA_CERT", "npm_config_cafile"),
    *("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "HTTPLIB2_CA_CERTS"),
)
_SWITCHES = {"UV_NATIVE_TLS": "1", "NODE_USE_ENV_PROXY": "1"}
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/cert.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
)
_STORE_PASSWORD = "changeit"  # noqa: S105  Java's own default
_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}-----END CERTIFICATE-----"
)


def trust(plan: Plan, authority: bytes) -> Plan:
    """The plan with everything in it that makes programs trust `authority`, in PEM.

    The merged bundle also lies over the system's own, for programs that ignore the environment.
    """
    ours = _join(_certificates(authority))
    bundle = _join(system_roots()) + ours
    at = {name: f"{plan.own}/{name}" for name in (_AUTHORITY, _BUNDLE, _TRUST_STORE)}
    files = {at[_AUTHORITY]: ours, at[_BUNDLE]: bundle}
    variables = dict.fromkeys(_ADDING, at[_AUTHORITY]) | dict.fromkeys(_REPLACING, at[_BUNDLE])
    variables |= _SWITCHES
    if shutil.which("java", path=plan.environment.get("PATH")):
        files[at[_TRUST_STORE]] = _trust_store(bundle)
        variables["JAVA_TOOL_OPTIONS"] = _java_options(plan.port, at[_TRUST_STORE])
    for path in filter(os.path.exists, _SYSTEM_BUNDLES):
        real = os.path.realpath(path)
        if source_of(real, plan.mounts) is not None:
            files[real] = bundle
    mounts = [Mount(Kind.FILE, path, data=data) for path, data in files.items()]
    environment = plan.environment | variables
    return replace(plan, mounts=arrange([*plan.mounts, *mounts]), environment=environment)


def system_roots() -> list[bytes]:
    """The certificates that this machine trusts, else those that certifi brings."""
    for path in (*_SYSTEM_BUNDLES, certifi.where()):
        with contextlib.suppress(OSError), Path(path).open("rb") as file:
            if found := _certificates(file.read(MAX_BUNDLE_BYTES)):
                return found
    return []


def _certificates(pem: bytes) -> list[bytes]:
    """Certificates and nothing else: a bundle may have a private key lying in it."""
    return _CERTIFICATE.findall(pem)


def _join(certificates: list[bytes]) -> bytes:
    return b"".join(certificate + b"\n" for certificate in certificates)


def _trust_store(bundle: bytes) -> bytes:
    """PKCS #12, for Java; the password is no secret, it only has to be there."""
    certificates = []
    for number, pem in enumerate(_certificates(bundle)):
        with (
            warnings.catch_warnings(),
            contextlib.suppress(ValueError, CryptographyDeprecationWarning),
        ):
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            certificate = x509.load_pem_x509_certificate(pem)
            certificates.append(pkcs12.PKCS12Certificate(certificate, b"%d" % number))
    encryption = BestAvailableEncryption(_STORE_PASSWORD.encode())
    return pkcs12.serialize_java_truststore(certificates, encryption)


def _java_options(port: int, store: str) -> str:
    options = {"http.proxyHost": "127.0.0.1", "http.proxyPort": port}
    options |= {"https.proxyHost": "127.0.0.1", "https.proxyPort": port}
    options |= {"javax.net.ssl.trustStore": store, "javax.net.ssl.trustStoreType": "PKCS12"}
    options |= {"javax.net.ssl.trustStorePassword": _STORE_PASSWORD}
    return " ".join(f"-D{name}={value}" for name, value in options.items())
