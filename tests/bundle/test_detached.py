"""What other programs put beside the seal: time stamps of openssl, signatures of ssh-keygen."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from triage.bundle import Outcome, Verification, load_trust, sshsig, stamp, verify
from triage.cli.command import cli
from triage.errors import AlteredError, BundleError, ParseError, UsageError

SEAL = "signatures/seal.json"
CONFIG = """
[tsa]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[chain]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = chain.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[ext]
extendedKeyUsage = critical, timeStamping
"""


def outcome(result: Verification, name: str) -> tuple[Outcome, str]:
    return next((check.outcome, check.detail) for check in result.checks if check.name == name)


def run(*command: str, cwd: Path, given: bytes | None = None) -> bytes:
    done = subprocess.run(command, cwd=cwd, check=True, capture_output=True, input=given)
    return done.stdout


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A time-stamping authority: OpenSSL's."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    new = ("openssl", "req", *curve, "-days", "3650")
    run(*new, "-x509", "-subj", "/CN=Root", "-keyout", "ca.key", "-out", "ca.pem", cwd=folder)
    run(*new, "-x509", "-subj", "/CN=Other", "-keyout", "o.key", "-out", "other.pem", cwd=folder)
    asked = ("-subj", "/CN=Lab TSA", "-keyout", "tsa.key", "-out", "tsa.csr")
    run("openssl", "req", *curve, *asked, cwd=folder)
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3650")
    extension = ("-extfile", "tsa.cnf", "-extensions", "ext")
    given = ("-in", "tsa.csr", "-out", "tsa.pem")
    run("openssl", "x509", "-req", *given, *signing, *extension, cwd=folder)
    return folder


def answer(authority: Path, query: Path, section: str = "tsa") -> bytes:
    config = ("-config", "tsa.cnf", "-section", section)
    return run("openssl", "ts", "-reply", *config, "-queryfile", str(query), cwd=authority)


def test_a_time_stamp_makes_the_round_trip(sealed: Path, authority: Path, tmp_path: Path) -> None:
    query, reply, roots = tmp_path / "q.tsq", tmp_path / "r.tsr", authority / "ca.pem"
    runner = CliRunner()
    bundle = str(sealed)
    # The handmade records of these tests have ids of their own, so `must_be_intact` is not asked.
    query.write_bytes(stamp.request((sealed / SEAL).read_bytes()))
    reply.write_bytes(answer(authority, query))
    found = stamp.add_stamp(sealed, reply.read_bytes(), stamp.load_roots(roots))
    assert (found.authority, found.verified) == ("CN=Lab TSA", True)
    without = verify(sealed)
    assert outcome(without, "time-stamp")[0] is Outcome.NOT_DONE
    assert without.intact
    result = verify(sealed, tsa_roots=stamp.load_roots(roots))
    assert outcome(result, "time-stamp")[0] is Outcome.PASS
    assert "It existed at" in result.origin
    assert runner.invoke(cli, ["verify", bundle, "--tsa-roots", str(roots)]).exception is None
    with pytest.raises(BundleError):
        stamp.add_stamp(sealed, reply.read_bytes())


def test_an_answer_with_its_whole_chain_is_read(authority: Path, tmp_path: Path) -> None:
    """OpenSSL puts the certificates in the order of its configuration; one of both is no DER."""
    query = tmp_path / "q.tsq"
    query.write_bytes(stamp.request(b"seal"))
    roots = stamp.load_roots(authority / "ca.pem")
    for names in (("ca.pem", "other.pem"), ("other.pem", "ca.pem")):
        chain = b"".join((authority / name).read_bytes() for name in names)
        (authority / "chain.pem").write_bytes(chain)
        token = answer(authority, query, "chain")
        found = stamp.check(token, b"seal", roots)
        assert (found.authority, found.verified) == ("CN=Lab TSA", True)
        for cut in range(0, len(token), 7):
            with pytest.raises((ParseError, AlteredError)):
                stamp.check(token[:cut], b"seal", roots)


def test_a_time_stamp_of_something_else_is_refused(
    sealed: Path, authority: Path, tmp_path: Path
) -> None:
    query = tmp_path / "q.tsq"
    query.write_bytes(stamp.request(b"another seal"))
    token = answer(authority, query)
    with pytest.raises(AlteredError, match="something else"):
        stamp.add_stamp(sealed, token)
    (sealed / f"{SEAL}.tsr").write_bytes(token)
    assert outcome(verify(sealed), "time-stamp")[0] is Outcome.FAIL


def test_only_roots_that_were_given_count(sealed: Path, authority: Path, tmp_path: Path) -> None:
    query = tmp_path / "q.tsq"
    seal = (sealed / SEAL).read_bytes()
    query.write_bytes(stamp.request(seal))
    token = answer(authority, query)
    with pytest.raises(AlteredError, match="does not hold"):
        stamp.check(token, seal, stamp.load_roots(authority / "other.pem"))
    for cut in (0, 1, 20, len(token) // 2, len(token) - 1):
        with pytest.raises((ParseError, AlteredError)):
            stamp.check(token[:cut], seal)


def test_a_time_stamp_can_be_demanded(sealed: Path, authority: Path) -> None:
    result = verify(sealed, tsa_roots=stamp.load_roots(authority / "ca.pem"))
    assert outcome(result, "time-stamp")[0] is Outcome.FAIL


def test_roots_must_be_certificates(tmp_path: Path) -> None:
    (tmp_path / "roots").write_text("none")
    for path in (tmp_path / "roots", tmp_path / "absent"):
        with pytest.raises(UsageError):
            stamp.load_roots(path)


@pytest.fixture(scope="session")
def ssh_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen here")
    folder = tmp_path_factory.mktemp("ssh")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "x", "-f", "key", cwd=folder)
    return folder / "key"


def ssh_signed(key: Path, namespace: str, message: bytes) -> bytes:
    signing = ("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key))
    return run(*signing, cwd=key.parent, given=message)


def test_ssh_keygen_signs_the_seal(sealed: Path, ssh_key: Path, tmp_path: Path) -> None:
    sshsig.sign(sealed, ssh_key)
    public = ssh_key.with_suffix(".pub").read_text()
    (tmp_path / "trust").write_text(f'examiner@lab namespaces="disk-triage" {public}')
    result = verify(sealed, trust=load_trust(tmp_path / "trust"), require_signature=True)
    assert outcome(result, "trust") == (Outcome.PASS, "signed by examiner@lab")
    with pytest.raises(BundleError):
        sshsig.sign(sealed, ssh_key)
    with pytest.raises(UsageError):
        sshsig.sign(sealed, tmp_path / "absent")


def test_an_ssh_signature_of_something_else_is_refused(sealed: Path, ssh_key: Path) -> None:
    (sealed / f"{SEAL}.sig").write_bytes(ssh_signed(ssh_key, "disk-triage", b"other"))
    assert outcome(verify(sealed), "signature")[0] is Outcome.FAIL
    with pytest.raises(AlteredError, match="another purpose"):
        sshsig.check(ssh_signed(ssh_key, "git", b"x"), b"x")


def wire(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def touched(message: bytes, application: bytes, flags: int) -> tuple[bytes, bytes]:
    """What a security key signs, and what stands behind its signature (PROTOCOL.u2f)."""
    signed = b"SSHSIG" + wire(b"disk-triage", b"", b"sha512", hashlib.sha512(message).digest())
    tail = bytes([flags]) + (7).to_bytes(4, "big")
    digests = [hashlib.sha256(part).digest() for part in (application, signed)]
    return digests[0] + tail + digests[1], tail


def armored(key: bytes, proof: bytes) -> bytes:
    blob = b"SSHSIG" + (1).to_bytes(4, "big") + wire(key, b"disk-triage", b"", b"sha512", proof)
    text = base64.encodebytes(blob)
    return b"-----BEGIN SSH SIGNATURE-----\n" + text + b"-----END SSH SIGNATURE-----\n"


def ed25519_sk(message: bytes, flags: int = 1) -> tuple[bytes, bytes]:
    kind, application = b"sk-ssh-ed25519@openssh.com", b"ssh:"
    private = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)
    signed, tail = touched(message, application, flags)
    key = wire(kind, private.public_key().public_bytes_raw(), application)
    return key, armored(key, wire(kind, private.sign(signed)) + tail)


def ecdsa_sk(message: bytes, flags: int = 1) -> tuple[bytes, bytes]:
    kind, application = b"sk-ecdsa-sha2-nistp256@openssh.com", b"ssh:"
    private = ec.derive_private_key(12345, ec.SECP256R1())
    signed, tail = touched(message, application, flags)
    point = private.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    numbers = decode_dss_signature(private.sign(signed, ec.ECDSA(hashes.SHA256())))
    proof = wire(*(number.to_bytes(33, "big") for number in numbers))
    key = wire(kind, b"nistp256", point, application)
    return key, armored(key, wire(kind, proof) + tail)


Hardware = Callable[..., tuple[bytes, bytes]]


@pytest.mark.parametrize("hardware", [ed25519_sk, ecdsa_sk])
def test_a_key_on_hardware_counts(sealed: Path, tmp_path: Path, hardware: Hardware) -> None:
    key, signature = hardware((sealed / SEAL).read_bytes())
    (sealed / f"{SEAL}.sig").write_bytes(signature)
    kind = key[4 : 4 + int.from_bytes(key[:4], "big")].decode()
    line = f"examiner@lab {kind} {base64.b64encode(key).decode()}\n"
    (tmp_path / "trust").write_text(line)
    result = verify(sealed, trust=load_trust(tmp_path / "trust"))
    assert outcome(result, "trust")[0] is Outcome.PASS
    if shutil.which("ssh-keygen"):  # what we made is what the real program takes
        names = ("-n", "disk-triage", "-I", "examiner@lab", "-f", str(tmp_path / "trust"))
        checking = ("ssh-keygen", "-Y", "verify", *names, "-s", str(sealed / f"{SEAL}.sig"))
        assert b"Good" in run(*checking, cwd=tmp_path, given=(sealed / SEAL).read_bytes())


@pytest.mark.parametrize("hardware", [ed25519_sk, ecdsa_sk])
def test_a_hardware_key_that_nobody_touched_does_not(hardware: Hardware) -> None:
    _, signature = hardware(b"seal", flags=0)
    with pytest.raises(AlteredError, match="touched"):
        sshsig.check(signature, b"seal")


@pytest.mark.parametrize("hardware", [ed25519_sk, ecdsa_sk])
def test_altered_ssh_signatures_are_refused(hardware: Hardware) -> None:
    _, signature = hardware(b"seal")
    sshsig.check(signature, b"seal")
    raw = base64.b64decode(b"".join(signature.splitlines()[1:-1]))
    for place in range(0, len(raw), 3):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        text = b"-----BEGIN SSH SIGNATURE-----\n%b-----END SSH SIGNATURE-----\n"
        for broken in (changed, raw[:place]):
            with pytest.raises(AlteredError):
                sshsig.check(text % base64.encodebytes(broken), b"seal")


EMPTY = b"-----BEGIN SSH SIGNATURE-----\n=\n-----END SSH SIGNATURE-----\n"


@pytest.mark.parametrize("data", [b"", b"x", EMPTY])
def test_what_is_no_ssh_signature_is_said(data: bytes) -> None:
    with pytest.raises(AlteredError):
        sshsig.check(data, b"seal")
