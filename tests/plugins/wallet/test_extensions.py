"""Wallets that are extensions of browsers, and MetaMask on phones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import brave_wallet, extensions, firefox_extensions, metamask_mobile
from triage.api import (
    Confidence,
    ParseError,
    Protection,
    RowState,
    Sensitivity,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WebSite,
)

Extract = Callable[..., Any]

TREE = Path(__file__).parents[3] / "fixtures/wallet/extensions/browsers/tree"
METAMASK = "nkbihfbeogaeaoehlefnkodbefgpgknn"
STORE = (
    f"Users/alice/AppData/Local/Google/Chrome/User Data/Default/Local Extension Settings/{METAMASK}"
)
FIREFOX = "home/bob/.mozilla/firefox/abcd1234.default-esr"


def below(folder: str) -> dict[str, bytes]:
    root = TREE / folder
    return {
        str(path.relative_to(TREE)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def sample(name: str) -> dict[str, bytes]:
    root = os.environ.get("TRIAGE_SAMPLES")
    if not root:
        pytest.skip("TRIAGE_SAMPLES is not set: real MetaMask data is not tested")
    folder = Path(root) / "wallets/btcrecover/metamask" / name
    return {
        f"p/Local Extension Settings/{METAMASK}/{path.name}": path.read_bytes()
        for path in folder.iterdir()
    }


def test_metamask_tells_all_but_the_seed(extract: Extract) -> None:
    found = extract(extensions.storage, below(STORE))
    live, former = found.of(WalletFile)
    assert (live.kdf, live.row, live.software_version) == ("pbkdf2, 600000 rounds", None, "13.1.0")
    assert (live.hardware, live.networks) == ("Ledger Hardware", ("Ethereum (1)", "Polygon (137)"))
    assert (former.kdf, former.row) == ("pbkdf2, 10000 rounds", RowState.SUPERSEDED)
    assert [time.event for time in live.times] == [
        "first_started",
        "account_added",
        "account_selected",
    ]
    (sent,) = found.of(WalletTransaction)
    assert (sent.coin, sent.delta) == ("POL", -2 * 10**18)
    assert {site.host for site in found.of(WebSite)} == {"swap.example", "former.example"}
    assert found.of(WalletSecret) == []


def test_what_was_overwritten_or_deleted_is_marked(extract: Extract) -> None:
    found = extract(extensions.storage, below(STORE)).of(WalletAddress)
    gone = {one.crypto_address: one.label for one in found if one.row is RowState.SUPERSEDED}
    assert gone == {
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906": "Old friend",
        "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65": None,
    }


def test_a_token_list_is_not_the_wallet_s(extract: Extract) -> None:
    found = extract(extensions.storage, below(STORE)).of(WalletAddress)
    assert not any(one.crypto_address.endswith("07") for one in found)


def test_an_extension_that_is_no_wallet_is_left_alone(extract: Extract) -> None:
    blocker = STORE.replace(METAMASK, "cjpalhdlnbpafiamejdnhcphjbkeiagm")
    assert extract(extensions.storage, below(blocker)).findings == []


def test_a_store_under_an_unknown_id_is_known_by_its_content(extract: Extract) -> None:
    tree = {path.replace(METAMASK, "a" * 32): data for path, data in below(STORE).items()}
    found = extract(extensions.storage, tree).of(WalletFile)
    assert {one.software for one in found} == {"wallet-extension"}


@pytest.mark.parametrize(
    ("name", "address", "created"),
    [
        (METAMASK, "0x66f9c09118b1c726bc24811a611baf60af42070a", "2021-08-31T01:35:12.368Z"),
        (
            f"{METAMASK}-v10_11_3",
            "0x62ad822292708e8dc4018469cd3a01f60369eb38",
            "2022-03-29T13:52:59.791Z",
        ),
    ],
)
def test_real_metamask(extract: Extract, name: str, address: str, created: str) -> None:
    found = extract(extensions.storage, sample(name))
    (own,) = found.of(WalletAddress)
    assert (own.crypto_address, own.role, own.label) == (address, "own", "Account 1")
    file = found.of(WalletFile)[0]
    assert (file.kdf, file.protection) == ("pbkdf2, 10000 rounds", Protection.ENCRYPTED)
    assert file.times[0].utc == created
    assert found.problems == []


def test_a_seed_in_clear_is_told_and_hidden(extract: Extract) -> None:
    found = extract(extensions.storage, below("Users/bob"))
    (secret,) = found.of(WalletSecret)
    assert (secret.secret_type, secret.extent) == ("bip39-seed", "12 words")
    assert (secret.sensitivity, secret.protection) == (Sensitivity.SECRET, Protection.PLAIN)
    assert "abandon" not in repr(found.findings)
    assert found.of(WalletFile)[0].holds_secret


def test_firefox_wrote_it_and_large_values_lie_beside(extract: Extract) -> None:
    tree = below(FIREFOX)
    found = extract(firefox_extensions.storage, tree)
    (file,) = found.of(WalletFile)
    assert (file.software, file.kdf) == ("metamask", "pbkdf2, 600000 rounds")
    assert {one.label for one in found.of(WalletAddress)} == {
        "Lagerhaus € 1",
        "Supplier: wholesale",
    }
    assert found.problems == []
    without = {path: data for path, data in tree.items() if ".files/" not in path}
    (problem,) = extract(firefox_extensions.storage, without).problems
    assert "the file of a large value is gone" in problem


def test_firefox_without_prefs_is_known_by_its_content(extract: Extract) -> None:
    tree = {path: data for path, data in below(FIREFOX).items() if not path.endswith("prefs.js")}
    (file,) = extract(firefox_extensions.storage, tree).of(WalletFile)
    assert (file.software, file.extension) == ("wallet-extension", None)


def test_early_firefox_kept_a_json_file(extract: Extract) -> None:
    state = {"data": {"KeyringController": {"vault": '{"data":"eA==","iv":"eA==","salt":"eA=="}'}}}
    path = "P/browser-extension-data/webextension@metamask.io/storage.js.migrated"
    (file,) = extract(firefox_extensions.early_storage, {path: json.dumps(state).encode()}).findings
    assert (file.software, file.kdf) == ("metamask", "pbkdf2, 10000 rounds")


def test_a_manifest_s_key_gives_the_id() -> None:
    assert extensions._from_key("AAAA") == "hajoiamiieihkcebbobooenpljpcckig"
    assert extensions._from_key("not base64!") is None
    assert extensions._from_key(None) is None


@pytest.mark.parametrize(
    ("name", "software"),
    [
        ("MetaMask (development build)", "metamask"),
        ("Coinbase Wallet extension", "coinbase-wallet"),
        ("Core Web Vitals", None),
        ("Wallet Pass Viewer", None),
        (None, None),
    ],
)
def test_unlisted_extensions_go_by_name(name: str | None, software: str | None) -> None:
    known = extensions._by_name(name)
    assert (known and extensions.slug(known.note)) == software


def test_brave_keeps_its_wallet_in_the_preferences(extract: Extract) -> None:
    found = extract(brave_wallet.preferences, below("Users/bob"))
    (file,) = found.of(WalletFile)
    assert (file.state, file.hardware, file.label) == (
        "keystore-encrypted",
        "Trezor",
        "Shared, Trezor account",
    )
    (own,) = found.of(WalletAddress)
    assert (own.label, own.confidence) == ("Trezor account", Confidence.CONFIRMED)


def test_a_phone_has_one_file_or_one_a_controller(extract: Extract) -> None:
    path = "data/data/io.metamask/files/persistStore"
    (file,) = extract(metamask_mobile.state, below("data")).of(WalletFile)
    assert (file.software, file.kdf) == ("metamask-mobile", "pbkdf2, 5000 rounds")
    vault = json.dumps({"cipher": "eA==", "iv": "00", "salt": "eA==", "lib": "original"})
    identities = {"0x90f79bf6eb2c4f870365e785982e1f101e93b906": {"name": "P"}}
    split = {
        f"{path}/persist-KeyringController": json.dumps({"vault": json.dumps(vault)}).encode(),
        f"{path}/persist-PreferencesController": json.dumps(
            {"identities": json.dumps(identities)}
        ).encode(),
    }
    found = extract(metamask_mobile.state, split)
    assert [one.label for one in found.of(WalletAddress)] == ["P"]
    assert len(found.of(WalletFile)) == 1


@pytest.mark.parametrize(
    "extractor",
    [
        extensions.installed,
        extensions.program,
        firefox_extensions.installed,
        firefox_extensions.early_storage,
        metamask_mobile.state,
        brave_wallet.preferences,
    ],
    ids=lambda one: one.name,
)
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"addons": 3, "extensions": {"settings": []}}', b"\xff" * 40]
)
def test_garbage_gives_nothing(extract: Extract, extractor: Any, content: bytes) -> None:
    paths = {
        "Brave-Browser/Default/Preferences",
        f"P/Extensions/{METAMASK}/1/manifest.json",
        "x/Profiles/p/extensions.json",
        "P/browser-extension-data/webextension@metamask.io/storage.js",
        "io.metamask/files/persistStore/persist-root",
    }
    try:
        found = extract(extractor, dict.fromkeys(paths, content)).of(WalletAddress)
    except ParseError:
        return
    assert found == []


def test_damaged_stores_are_noted(extract: Extract) -> None:
    tree = below(STORE)
    name = next(path for path in tree if path.endswith(".log"))
    tree[name] = tree[name][:-300]
    found = extract(extensions.storage, tree)
    assert found.findings == []
    assert found.problems
