"""Saved output descriptors: to watch, to spend, and none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from plugins.wallet.descriptors import export
from triage.api import Sensitivity, WalletFile, WalletSecret, WalletXpub

Extract = Callable[..., Any]

# BIP-84 and BIP-32, test vectors.
XPUB = (
    "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZX"
    "YVUhLv1VMrjPC7PW6V"
)
XPRV = (
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGt"
    "RBeJgk33yuGBxrMPHi"
)
WATCH = f"wpkh([73c5da0a/84h/0h/0h]{XPUB}/<0;1>/*)#abcdefgh"


def run(extract: Extract, text: str, path: str = "/home/a/my-descriptors.txt") -> Any:
    return extract(export, {path: text.encode()})


def test_a_descriptor_to_watch(extract: Extract) -> None:
    found = run(extract, f"# Receive and change\n{WATCH}\n")
    (file,) = found.of(WalletFile)
    assert (file.fingerprint, file.script_types, file.holds_secret) == (
        "73c5da0a",
        ("p2wpkh",),
        False,
    )
    (key,) = found.of(WalletXpub)
    assert (key.xpub, key.derivation, key.locator) == (XPUB, "m/84'/0'/0'", "line 2")
    assert found.of(WalletSecret) == []


def test_an_export_in_json_names_each_key_once(extract: Extract) -> None:
    data = {"label": "x", "descriptor": WATCH.replace("<0;1>", "0"), "other": WATCH}
    found = run(extract, json.dumps(data), "/home/a/sparrow-export.json")
    assert len(found.of(WalletXpub)) == 1
    assert len(found.of(WalletFile)) == 1


def test_a_private_key_in_it_is_a_secret(extract: Extract) -> None:
    found = run(extract, json.dumps([{"desc": f"tr({XPRV}/86h/0h/0h/0/*)"}]))
    (secret,) = found.of(WalletSecret)
    assert (secret.secret_type, secret.sensitivity) == ("xprv", Sensitivity.SECRET)
    assert secret.checks == ("base58check",)
    assert XPRV not in "".join(f"{each!r}{each.value()}{each.summary()}" for each in found.findings)


def test_a_descriptor_with_both_kinds_of_keys_is_not_repeated(extract: Extract) -> None:
    found = run(extract, f"wsh(multi(2,{XPUB}/0/*,{XPRV}/0/*))")
    (key,) = found.of(WalletXpub)
    assert (key.xpub, key.descriptor) == (XPUB, None)
    assert XPRV not in "".join(f"{each!r}{each.value()}" for each in found.findings)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sh(",
        "wpkh(02" + "11" * 32 + ")",
        f"wpkh({XPUB[:-1]}x/0/*)",
        XPUB,
        "The descriptor of a file is a number.",
        "sh(" * 50_000,
        "tr(" + "x" * 200_000,
    ],
)
def test_what_is_no_descriptor_yields_nothing(extract: Extract, text: str) -> None:
    found = run(extract, text)
    assert (found.findings, found.problems) == ([], [])


def test_a_huge_file_is_not_searched(extract: Extract) -> None:
    found = run(extract, WATCH + " " * (4 << 20))
    assert (found.findings, len(found.problems)) == ([], 1)
