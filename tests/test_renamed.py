"""What the built-in extractors know by content is found under any name, and nothing else is.

Every file is copied from a fixture to a name that says nothing, a LevelDB as a folder; beside it
stands a near miss, the same bytes moved by one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import triage
from tests.conftest import ROOT, lines
from triage import profile
from triage.engine.options import Options
from triage.registry import load

DESKTOP = "wallet/desktop/windows/tree/Users"
DEVICES = "wallet/devices/linux/tree/home"
KNOWN = {
    "wallet.bitcoin-core.wallet": (
        "wallet/bitcoin_core/windows/tree/Users/alice/AppData/Roaming/Bitcoin/wallet.dat",
        "wallet/bitcoin_core/windows/tree/Users/bob/AppData/Local/Bitcoin/wallets/cold/wallet.dat",
    ),
    "wallet.electrum.wallet": (
        "wallet/electrum/linux/tree/home/alice/.electrum/wallets/default_wallet",
        "wallet/electrum/windows/tree/Users/alice/AppData/Roaming/Electrum/wallets/default_wallet",
    ),
    "wallet.ethereum.keystore": (
        "wallet/chains/linux/tree/home/alice/.foundry/keystores/deployer",
    ),
    "wallet.keepass.database": ("wallet/chains/linux/tree/home/alice/Documents/passwords.kdbx",),
    "wallet.armory.wallet": (
        "wallet/desktop/windows/tree/Users/bob/AppData/Roaming/Armory/armory_2Jqx3Dp2_.wallet",
    ),
    "wallet.bitcoinj.wallet": (
        "wallet/desktop/windows/tree/Users/alice/AppData/Roaming/MultiBit/multibit.wallet",
    ),
    "wallet.exodus.container": (
        "wallet/chains/linux/tree/home/bob/.config/Exodus/exodus.wallet/seed.seco",
    ),
    "wallet.wasabi.wallet": (
        (
            "wallet/desktop/windows/tree/Users/alice/AppData/Roaming/WalletWasabi/Client/Wallets"
            "/market.json"
        ),
    ),
    "wallet.bither.wallet": (f"{DESKTOP}/alice/AppData/Roaming/Bither/address.db",),
    "wallet.msigna.vault": (f"{DESKTOP}/bob/Documents/household.vault",),
    "wallet.blockchain-com.backup": (f"{DESKTOP}/alice/Downloads/wallet.aes.json",),
    "wallet.green.wallet": (f"{DESKTOP}/bob/AppData/Local/Blockstream/Green/wallets/5eed",),
    "wallet.coldcard.export": (f"{DEVICES}/bob/card/coldcard-export.json",),
    "wallet.descriptor.export": (f"{DEVICES}/bob/Documents/list-descriptors.json",),
    "wallet.ledger-live.accounts": (
        f"{DEVICES}/alice/.config/Ledger Live/app.json",
        f"{DEVICES}/bob/.config/Ledger Live/app.json",
    ),
    "wallet.specter.wallet": (f"{DEVICES}/alice/.specter/wallets/main/family.json",),
    "wallet.solana.key": ("wallet/chains/linux/tree/home/alice/.config/solana/id.json",),
    "wallet.daedalus.wallet": (
        "wallet/chains/linux/tree/home/alice/.local/share/Daedalus/mainnet/wallets/she.5eed.sqlite",
    ),
    "wallet.metamask-mobile.state": (
        "wallet/extensions/browsers/tree/data/data/io.metamask/files/persistStore/persist-root",
    ),
    "wallet.exchange.export": ("wallet/exchanges/accounts/tree/home/bob/kraken.csv",),
    "chat.whatsapp-android.messages": (
        "chat/whatsapp_android/phone/tree/data/data/com.whatsapp/databases/msgstore.db",
        "chat/whatsapp_android/phone/tree/data/user/10/com.whatsapp.w4b/databases/msgstore.db",
    ),
    "chat.whatsapp-android.contacts": (
        "chat/whatsapp_android/phone/tree/data/data/com.whatsapp/databases/wa.db",
    ),
    "chat.skype.messages": (
        "chat/skype/windows_macos/tree/Users/alice/AppData/Roaming/Skype/alice.example/main.db",
    ),
    "chat.tox.profile": ("chat/tox/qtox/tree/home/alice/.config/tox/alice.tox",),
    "chat.tox.history": ("chat/tox/qtox/tree/home/alice/.config/tox/alice.db",),
    "chat.pidgin.accounts": ("chat/pidgin/linux/tree/home/alice/.purple/accounts.xml",),
    "web.firefox.places": (
        (
            "web/firefox/windows/tree/Users/alice/AppData/Roaming/Mozilla/Firefox/Profiles"
            "/a1b2c3.default-release/places.sqlite"
        ),
    ),
    "web.chromium.history": (
        (
            "web/chromium/windows/tree/Users/alice/AppData/Local/Google/Chrome/User Data/Default"
            "/History"
        ),
    ),
    "tor.onion-service.keys": (
        "tor/service/linux/tree/var/lib/tor/shop/hs_ed25519_secret_key",
        "tor/service/linux/tree/var/lib/tor/shop/hs_ed25519_public_key",
    ),
    "pgp.gnupg.keybox": ("pgp/gnupg/linux/tree/home/alice/.gnupg/pubring.kbx",),
    "pgp.files.blocks": ("pgp/gnupg/linux/tree/home/alice/Documents/order.asc",),
}
STORE = (
    ROOT
    / "fixtures/wallet/extensions/browsers/tree/Users/alice/AppData/Local/Google/Chrome/User Data"
    / "Default/Local Extension Settings/nkbihfbeogaeaoehlefnkodbefgpgknn"
)
MBOX = (
    b"From MAILER-DAEMON Tue Jan  2 10:00:00 2024\n"
    b"From: a@example.org\nTo: mixmaster@remailer.example\nSubject: x\n\n"
    b"::\nRemailer-Type: Mixmaster 3.0\n\n-----BEGIN REMAILER MESSAGE-----\n"
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("renamed")
    for folder in ("Pictures", "Music"):
        (root / "e" / folder).mkdir(parents=True)
    for name, files in KNOWN.items():
        for number, file in enumerate(files):
            data = (ROOT / "fixtures" / file).read_bytes()
            (root / "e" / "Pictures" / f"{name} {number}").write_bytes(data)
            (root / "e" / "Music" / f"{name} {number}").write_bytes(b"\n\0" + data)
    (root / "e" / "Pictures" / "mail.mailbox.remailer 0").write_bytes(MBOX)
    (root / "e" / "Music" / "mail.mailbox.remailer 0").write_bytes(b"\n" + MBOX)
    shutil.copytree(STORE, root / "e" / "Documents" / "kept")
    options = Options(image=root / "e", output=root / "b", profile=profile.load(["standard"]))
    triage.run(options)
    return root / "b"


def test_they_say_that_they_know_content() -> None:
    knowing = {entry.extractor.name for entry in load().entries if entry.extractor.content}
    assert knowing >= {*KNOWN, "mail.mailbox.remailer"}


def test_renamed_files_give_findings_and_near_misses_none(bundle: Path) -> None:
    found = {
        (record["extractor"]["name"], record["source"]["path"], record["source"]["found_by"])
        for record in lines(bundle / "data" / "findings.jsonl")
    }
    expected = {
        (name, f"/Pictures/{name} {number}", "content")
        for name, files in {**KNOWN, "mail.mailbox.remailer": ("",)}.items()
        for number, _ in enumerate(files)
    }
    expected.add(("wallet.extension.storage", "/Documents/kept/CURRENT", "content"))
    assert found == expected


def test_they_give_no_problems(bundle: Path) -> None:
    assert lines(bundle / "data" / "problems.jsonl") == []
