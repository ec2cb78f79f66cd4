"""Certificates that programs in a bottle trust."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace

from stopper.bottle.sandbox import Kind, Mount, Plan
from stopper.bottle.trust import system_roots, trust
from stopper.egress.tls import Authority

PLAN = Plan(
    profile="generic",
    command=("/bin/true",),
    workspace="/w",
    environment={"PATH": ""},
    mounts=(Mount(Kind.READ, "/etc", "/etc"),),
)


def files(plan: Plan) -> dict[str, bytes]:
    """The files that the plan brings, by their path inside."""
    return {mount.target: mount.data for mount in plan.mounts if mount.kind is Kind.FILE}


def test_adding_and_replacing_variables() -> None:
    """What adds gets ours alone; what replaces gets the system's too."""
    plan = trust(PLAN, Authority().pem)
    found = files(plan)
    added = found[plan.environment["NODE_EXTRA_CA_CERTS"]]
    replaced = found[plan.environment["SSL_CERT_FILE"]]
    assert added.count(b"BEGIN CERTIFICATE") == 1
    assert replaced.count(b"BEGIN CERTIFICATE") == len(system_roots()) + 1
    assert added in replaced


@pytest.mark.parametrize(
    "name",
    [
        *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO"),
        *("GIT_SSL_CAINFO", "CODEX_CA_CERTIFICATE", "AWS_CA_BUNDLE", "NIX_SSL_CERT_FILE"),
        *("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "BUNDLE_SSL_CA_CERT", "npm_config_cafile"),
        *("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "DENO_CERT"),
    ],
)
def test_every_variable_names_a_file_that_is_there(name: str) -> None:
    """A variable that names nothing would break the program that reads it."""
    plan = trust(PLAN, Authority().pem)
    assert files(plan)[plan.environment[name]]


def test_python_reads_the_bundle(tmp_path: Path) -> None:
    """The merged bundle is valid as a whole and holds ours."""
    plan = trust(PLAN, Authority().pem)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(files(plan)[plan.environment["SSL_CERT_FILE"]])
    names = [entry["subject"] for entry in ssl.create_default_context(cafile=bundle).get_ca_certs()]
    assert any("Stopper" in str(name) for name in names)


def test_the_systems_bundle_is_covered() -> None:
    """For programs that ignore the environment; only where the system's folder is shown."""
    over = {path for path in files(trust(PLAN, Authority().pem)) if path.startswith("/etc/")}
    bare = files(trust(replace(PLAN, mounts=()), Authority().pem))
    known = Path("/etc/ssl/certs/ca-certificates.crt")
    assert not known.exists() or str(known.resolve()) in over
    assert all(path.startswith("/run/stopper/") for path in bare)


def test_only_certificates_are_copied() -> None:
    """A private key that lies in the same file stays outside."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    plan = trust(PLAN, pem + Authority().pem)
    assert not any(b"PRIVATE KEY" in data for data in files(plan).values())


@pytest.mark.skipif(shutil.which("keytool") is None, reason="Java is not installed")
def test_java_reads_its_store(tmp_path: Path) -> None:
    """The PKCS #12 store opens with the password that JAVA_TOOL_OPTIONS names."""
    path = str(Path(shutil.which("java") or "").parent)
    plan = trust(replace(PLAN, environment={"PATH": path}), Authority().pem)
    options = dict(
        option.removeprefix("-D").split("=")
        for option in plan.environment["JAVA_TOOL_OPTIONS"].split()
    )
    store = tmp_path / "store.p12"
    store.write_bytes(files(plan)[options["javax.net.ssl.trustStore"]])
    password = options["javax.net.ssl.trustStorePassword"]
    listing = subprocess.run(
        ["keytool", "-list", "-keystore", str(store), "-storepass", password],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert listing.stdout.count("trustedCertEntry") > 1
