from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.pgp import _keyring
from plugins.pgp.gnupg import (
    keybox,
    keyboxd,
    keyring,
    revocation,
    secret_key,
    secret_keyring,
    trust,
)
from tests.plugins.conftest import Extract
from triage.api import ParseError, PgpKey, Protection, Sensitivity
from triage.formats.indicators import parse

TREE = Path(__file__).parents[3] / "fixtures/pgp/gnupg/linux/tree"
WINDOWS = Path(__file__).parents[3] / "fixtures/pgp/thunderbird/windows/tree"


def files(root: Path, folder: str) -> dict[str, bytes]:
    return {
        f"/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


HOME = files(TREE, "home/alice/.gnupg")
KEYBOX = "/home/alice/.gnupg/pubring.kbx"


def one(name: str) -> Iterator[tuple[str, bytes]]:
    return ((path, data) for path, data in HOME.items() if name in path)


def test_keybox_tells_own_from_foreign(extract: Extract) -> None:
    found = extract(keybox, {path: HOME[path] for path in HOME if not path.endswith("~")})
    mine, shop = found.of(PgpKey)
    assert found.problems == []
    assert mine.own_basis == ("secret-key", "ultimate-trust", "revocation-certificate")
    assert (mine.secret_key, mine.algorithm) == ("protected", "ed25519")
    assert (shop.own, shop.secret_key, shop.owner_trust) == (False, "absent", "full")
    assert {key.sensitivity for key in (mine, shop)} == {Sensitivity.PERSONAL}
    assert mine.checks == ("keybox-sha1",)


def test_keybox_alone(extract: Extract) -> None:
    mine, _ = extract(keybox, {KEYBOX: HOME[KEYBOX]}).of(PgpKey)
    assert (mine.own, mine.secret_key, mine.keygrip) == (False, "absent", None)


@pytest.mark.parametrize("cut", [1, 100, 500, 700])
def test_truncated_keybox_keeps_what_is_whole(extract: Extract, cut: int) -> None:
    found = extract(keybox, {KEYBOX: HOME[KEYBOX][:-cut]})
    assert len(found.problems) == 1
    assert len(found.of(PgpKey)) <= 1


@pytest.mark.parametrize("data", [b"", b"no keybox at all, though long enough for one"])
def test_garbage_keybox(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(keybox, {KEYBOX: data})


def test_flipped_bytes_in_a_keybox_are_said(extract: Extract) -> None:
    data = bytearray(HOME[KEYBOX])
    data[300] ^= 0xFF
    found = extract(keybox, {KEYBOX: bytes(data)})
    assert any("checksum" in text for text in found.problems)


def test_well_known_keys_are_counted(extract: Extract, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = extract(keybox, {KEYBOX: HOME[KEYBOX]}).of(PgpKey)[1]
    listed = parse(
        "name: pgp-keys\nversion: 1\ndate: 2024-01-02\ncategories: {software: x}\ngroups:\n"
        "  - {category: software, source: here, checked: 2024-01-02, entries: "
        f'{{"key:{shop.fingerprint}": Fixture release key}}}}\n',
        name="pgp-keys",
    )
    monkeypatch.setattr(_keyring, "KNOWN", listed)
    mine, counted = extract(keybox, {KEYBOX: HOME[KEYBOX]}).of(PgpKey)
    assert mine.fingerprint
    assert (counted.fingerprint, counted.well_known) == (None, ("Fixture release key",))
    assert counted.indicator_list == "pgp-keys 2024-01-02"
    assert counted.sensitivity is Sensitivity.PUBLIC


def test_secret_key_is_described_and_never_shown(extract: Extract) -> None:
    for path, data in one("private-keys-v1.d"):
        (key,) = extract(secret_key, {path: data}).of(PgpKey)
        assert path.endswith(f"/{key.keygrip}.key")
        assert (key.checks, key.secret_key) == (("keygrip",), "protected")
        assert (key.protection, key.sensitivity) == (Protection.ENCRYPTED, Sensitivity.SECRET)
        assert key.secret is None
        assert key.times[0].utc == "2024-05-01T10:11:12Z"
        assert secret_key.holds_secret


UNPROTECTED = (
    b"Created: 20240501T101112\nLabel: mine\nKey: (private-key (ecc (curve Ed25519)(flags eddsa)\n"
    b" (q #403F1312DFD70EC0AB85527D009D7C328928E714A665C1547F760918A8511DB215#)\n"
    b" (d #" + b"AB" * 32 + b"#)))\n"
)


def test_unprotected_and_misnamed(extract: Extract) -> None:
    path = "/home/bob/.gnupg/private-keys-v1.d/" + "0" * 40 + ".key"
    found = extract(secret_key, {path: UNPROTECTED})
    (key,) = found.of(PgpKey)
    assert key.keygrip == "CF500C55C9D168D5AA7DDCF922B62F290EAF2001"  # as GnuPG named that key
    assert (key.secret_key, key.algorithm, key.user_ids) == ("unprotected", "ed25519", ("mine",))
    assert key.secret is not None
    assert "ABAB" not in repr(key)
    assert len(found.problems) == 1


def test_canonical_form_and_smart_card(extract: Extract) -> None:
    path = "/x/private-keys-v1.d/" + "0" * 40 + ".key"
    data = (
        b"(20:shadowed-private-key(3:rsa(1:n3:\x00\x80\x01)(1:e1:\x03)"
        b"(8:shadowed5:t1-v1(4:\xd2\x76\x00\x019:OPENPGP.1))))"
    )
    (key,) = extract(secret_key, {path: data}).of(PgpKey)
    assert (key.secret_key, key.card_serial) == ("smart_card", "D2760001")
    assert (key.protection, key.sensitivity) == (Protection.HARDWARE, Sensitivity.PERSONAL)
    assert key.algorithm == "rsa16"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Key: ",
        b"Key: (private-key",
        b"(11:private-key",
        b"(99999999:x)",
        b"(" * 5000,
        b"Key: " + b"(" * 5000,
        b"Key: (public-key (rsa))",
        b"Name: value\n",
        b"(3:abc))))",
    ],
)
def test_garbage_secret_keys(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(secret_key, {"/x/private-keys-v1.d/a.key": data})


def test_rings_of_gnupg_1(extract: Extract) -> None:
    tree = files(TREE, "home/bob/.gnupg")
    (public,) = extract(keyring, tree).of(PgpKey)
    (secret,) = extract(secret_keyring, tree).of(PgpKey)
    assert public.fingerprint == secret.fingerprint
    assert public.own_basis == ("ultimate-trust",)
    assert (secret.secret_key, secret.sensitivity) == ("unprotected", Sensitivity.SECRET)
    assert secret_keyring.holds_secret


def test_rings_of_package_managers_are_passed_over(extract: Extract) -> None:
    ring = files(TREE, "home/bob/.gnupg")["/home/bob/.gnupg/pubring.gpg"]
    assert extract(keyring, {"/etc/pacman.d/gnupg/pubring.gpg": ring}).findings == []


def test_damaged_ring(extract: Extract) -> None:
    ring = files(TREE, "home/bob/.gnupg")["/home/bob/.gnupg/pubring.gpg"]
    found = extract(keyring, {"/x/pubring.gpg": ring[:-50]})
    assert len(found.of(PgpKey)) == 1
    assert len(found.problems) == 1
    found = extract(keyring, {"/x/pubring.gpg": b"\x00garbage"})
    assert (found.findings, len(found.problems)) == ([], 1)


def test_trust_outlives_the_ring(extract: Extract) -> None:
    own, other = extract(trust, dict(one("trustdb.gpg"))).of(PgpKey)
    assert (own.own, own.owner_trust) == (True, "ultimate")
    assert (other.own, other.owner_trust) == (None, "full")
    assert own.times[0].event == "trust_database_created"


@pytest.mark.parametrize("data", [b"", b"\x01gpg", b"x" * 80])
def test_garbage_trust(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(trust, {"/x/trustdb.gpg": data})


def test_revocation(extract: Extract) -> None:
    (found,) = extract(revocation, dict(one(".rev"))).of(PgpKey)
    assert found.user_ids == ("Alice Fixture <alice@fixture.example>",)
    assert found.checks == ("issuer-matches-name",)


def test_revocation_of_another_key(extract: Extract) -> None:
    data = next(data for _, data in one(".rev"))
    found = extract(revocation, {"/x/openpgp-revocs.d/" + "A" * 40 + ".rev": data})
    assert len(found.problems) == 1
    assert found.of(PgpKey)[0].fingerprint is None


@pytest.mark.parametrize("data", [b"", b"notes", b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n"])
def test_no_revocation(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(revocation, {"/x/openpgp-revocs.d/" + "A" * 40 + ".rev": data})


def test_keyboxd(extract: Extract) -> None:
    tree = files(WINDOWS, "Users/bob/AppData/Roaming/gnupg")
    (key,) = extract(keyboxd, tree).of(PgpKey)
    assert (key.own, key.secret_key, key.row) == (True, "protected", "live")


def test_keyboxd_of_another_schema(extract: Extract) -> None:
    tree = files(WINDOWS, "Users/alice/AppData/Roaming/Thunderbird")
    data = next(data for path, data in tree.items() if path.endswith("openpgp.sqlite"))
    found = extract(keyboxd, {"/x/public-keys.d/pubring.db": data})
    assert (found.findings, len(found.problems)) == ([], 1)
