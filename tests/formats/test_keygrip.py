"""Keygrips and fingerprints against a list that GnuPG 2.2.40 wrote about its own keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.formats.keygrip import keygrip, keygrip_of
from triage.formats.openpgp import packets
from triage.formats.openpgp_keys import Certificate, PublicKey, certificates

DATA = Path(__file__).parent / "data" / "openpgp"


def listed() -> dict[str, tuple[str, str]]:
    """Return fingerprint → (keygrip, algorithm) as `gpg --with-colons --with-keygrip` wrote."""
    result: dict[str, tuple[str, str]] = {}
    fields: list[str] = []
    fingerprint = algorithm = ""
    for line in (DATA / "listing.txt").read_text().splitlines():
        fields = line.split(":")
        if fields[0] in {"pub", "sub"}:
            name = {"1": "rsa", "16": "elgamal", "17": "dsa"}.get(fields[3], "")
            algorithm = fields[16] or f"{name}{fields[2]}"
        elif fields[0] == "fpr":
            fingerprint = fields[9]
        elif fields[0] == "grp":
            result[fingerprint] = (fields[9], algorithm)
    return result


def keys() -> list[PublicKey]:
    found = certificates(packets((DATA / "public.gpg").read_bytes()))
    return [
        key for item in found if isinstance(item, Certificate) for key in (item.key, *item.subkeys)
    ]


def test_every_key_as_gnupg_lists_it() -> None:
    wanted = listed()
    found = {key.fingerprint: key for key in keys()}
    assert found.keys() == wanted.keys()
    for fingerprint, (grip, algorithm) in wanted.items():
        key = found[fingerprint]
        assert key.algorithm == algorithm
        if not algorithm.startswith("brainpool"):
            assert keygrip(key) == grip, algorithm


def test_unknown_curve_has_none() -> None:
    assert keygrip_of(22, (b"\x40abc",), "ed448") is None


@pytest.mark.parametrize("number", [1, 16, 17, 22])
def test_missing_numbers_have_none(number: int) -> None:
    assert keygrip_of(number, (), "ed25519") is None
