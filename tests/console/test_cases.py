from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from tests.console.test_summary import account, finding
from triage.console.cases import Cases, guidance_of
from triage.console.summary import summary_text
from triage.errors import AlteredError
from triage.guidance import load

Record = dict[str, Any]
GUIDANCE = load()[0]


def at(path: str, kind: str, value: Record, **more: Any) -> Record:
    summary = more.pop("summary", kind)
    return finding(1, kind, summary, value=value, source={"path": path}, **more)


def cases(*records: Record) -> list[tuple[str, list[str]]]:
    gathered = Cases()
    for record in records:
        gathered.add(record)
    return [
        (matter.case, [place.where for place in matter.places])
        for matter in gathered.matters(GUIDANCE)
    ]


@pytest.mark.parametrize(
    ("kind", "value", "more", "case"),
    [
        ("wallet.secret", {"secret_type": "bip39-seed"}, {}, "secret-in-clear"),
        ("wallet.secret", {"secret_type": "xprv", "opened_by": "x"}, {}, "unlocked-wallet"),
        ("wallet.secret", {"secret_type": "rpc-password"}, {}, None),
        ("wallet.secret", {"secret_type": "view-keys"}, {}, None),
        ("indicator.crypto-secret", {}, {"confidence": "confirmed"}, "secret-in-clear"),
        ("indicator.crypto-secret", {}, {"confidence": "possible"}, None),
        ("wallet.file", {"state": "plain", "holds_secret": True}, {}, "unlocked-wallet"),
        ("wallet.file", {"state": "file-encrypted", "opened_by": "x"}, {}, "unlocked-wallet"),
        (
            "wallet.file",
            {"state": "file-encrypted"},
            {"protection": "key_on_image"},
            "unlocked-wallet",
        ),
        ("wallet.file", {"state": "file-encrypted"}, {}, "locked-wallet"),
        ("wallet.file", {"state": "keystore-encrypted"}, {}, "locked-wallet"),
        ("wallet.file", {"state": "damaged"}, {}, "locked-wallet"),
        ("wallet.file", {"state": "plain", "hardware": "ledger"}, {}, "hardware-wallet"),
        ("wallet.file", {"state": "trace", "wallet_type": "hardware"}, {}, "hardware-wallet"),
        ("wallet.device", {}, {}, "hardware-wallet"),
        ("wallet.exchange", {"trace": "csv-export"}, {}, "exchange-account"),
        ("wallet.exchange", {"trace": "history", "pages": ["login"]}, {}, "exchange-account"),
        ("wallet.exchange", {"trace": "history", "pages": []}, {}, None),
        ("wallet.exchange", {"trace": "mail"}, {"confidence": "probable"}, "exchange-account"),
        ("wallet.exchange", {"trace": "mail"}, {"confidence": "possible"}, None),
        ("wallet.file", {"state": "plain"}, {}, "addresses-only"),
        ("wallet.address", {}, {}, "addresses-only"),
        ("indicator.crypto-address", {}, {}, "addresses-only"),
        ("wallet.file", {"state": "named"}, {}, "software-only"),
        ("wallet.file", {"state": "named", "path": "/w"}, {}, None),
        ("wallet.file", {"state": "installed"}, {}, "software-only"),
        ("wallet.file", {"state": "trace"}, {}, "software-only"),
        ("wallet.file", {"state": "trace"}, {"protection": "encrypted"}, "locked-wallet"),
        ("tor.client", {}, {}, None),
    ],
)
def test_case_of_a_finding(kind: str, value: Record, more: Record, case: str | None) -> None:
    found = cases(at("/w", kind, value, **more))
    assert found == ([(case, ["p1:/w"])] if case else [])


def test_a_place_stands_once_under_its_most_pressing_finding() -> None:
    clear = at("/w", "wallet.secret", {"secret_type": "xprv"})
    wallet = at("/w", "wallet.file", {"state": "plain", "holds_secret": True})
    locked = at("/v", "wallet.file", {"state": "file-encrypted"})
    records = (at("/w", "wallet.address", {}), wallet, locked, clear)
    expected = [("secret-in-clear", ["p1:/w"]), ("locked-wallet", ["p1:/v"])]
    assert cases(*records) == expected
    assert cases(*reversed(records)) == expected


def test_the_page_ranks_and_marks() -> None:
    records = [
        at("/a", "wallet.file", {"state": "installed"}),
        at("/b", "wallet.file", {"state": "file-encrypted"}, account=account("bob")),
        *(
            at(f"/c{number}", "wallet.secret", {"secret_type": "xprv"}, summary="xprv in clear")
            for number in range(5)
        ),
    ]
    text = summary_text(records, [], [], GUIDANCE)
    order = [
        text.index(words)
        for words in (
            "WHAT TO DO NOW",
            "TIME-CRITICAL  A seed, key or password of a wallet stands in clear (5 places)",
            "p1:/c0: xprv in clear",
            "… and 2 more: see the report",
            "Tell the seizure lead now",
            "A wallet is locked",
            "p1:/b: wallet.file [bob (p1)]",
            "Wallet software",
            "Do not look addresses up on public explorers",
            "FOUND",
        )
    ]
    assert order == sorted(order)
    assert "WHAT TO DO" not in summary_text([finding(1)], [], [], GUIDANCE)
    assert "WHAT TO DO" not in summary_text(records, [], [])


def test_what_a_bundle_records_is_not_trusted() -> None:
    guidance = asdict(GUIDANCE)
    assert guidance_of({"profile": {"guidance": [guidance]}}) == GUIDANCE
    assert guidance_of({"profile": {}}) is None
    with pytest.raises(AlteredError):
        guidance_of({"profile": {"guidance": [guidance | {"always": "x"}]}})


@pytest.mark.parametrize(
    ("kind", "value", "case"),
    [
        ("encryption.volume", {"state": "locked"}, "locked-volume"),
        ("encryption.volume", {"state": "opened"}, None),
        ("chat.account", {}, "remote-account"),
        ("mail.account", {}, "remote-account"),
        ("system.usb", {}, "other-device"),
        ("wallet.file", {"state": "plain"}, None),
    ],
)
def test_which_case_of_handling_evidence(kind: str, value: Record, case: str | None) -> None:
    gathered = Cases()
    gathered.add(at("/x", kind, value))
    handling = next(one for one in load() if one.name == "evidence")
    assert [one.case for one in gathered.matters(handling)] == ([case] if case else [])
