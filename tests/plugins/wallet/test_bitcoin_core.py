"""Bitcoin Core: wallets in both databases, settings and logs, and what must yield nothing."""

from __future__ import annotations

import importlib.util
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.wallet import _bip32, _bitcoin, _coins
from plugins.wallet._core_records import Content
from plugins.wallet._core_wallet import client_version, parse_descriptor
from plugins.wallet._serial import Stream, read_transaction, read_wallet_entry
from plugins.wallet.bitcoin_core import wallets
from plugins.wallet.bitcoin_core_settings import configuration, log, settings
from triage.api import (
    Confidence,
    ParseError,
    RowState,
    Sensitivity,
    Shows,
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
)
from triage.formats import base58

Extract = Callable[..., Any]

FOLDER = Path(__file__).parents[3] / "fixtures/wallet/bitcoin_core"
WINDOWS, LINUX = FOLDER / "windows/tree/Users", FOLDER / "linux/tree/home"
OLD = (WINDOWS / "alice/AppData/Roaming/Bitcoin/wallet.dat").read_bytes()
DAILY = (WINDOWS / "alice/AppData/Local/Bitcoin/wallets/daily/wallet.dat").read_bytes()
TRIAL = (LINUX / "bob/.litecoin/regtest/wallets/trial/wallet.dat").read_bytes()
PATH = "/home/a/.bitcoin/wallet.dat"


def _load(name: str) -> Any:
    """Load a maker of fixtures by its path, under a name that no other test uses."""
    spec = importlib.util.spec_from_file_location(f"bitcoin_core_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make = _load("make")
bdb, name, vector, MASTER = make.bdb, make.name, make.vector, make.MASTER
KEY = make.old_key("mine")
GENESIS = struct.pack("<i", 1) + b"\x01" + make.GENESIS


def run(extract: Extract, records: list[tuple[bytes, bytes]], path: str = PATH) -> Any:
    data = bdb.write([bdb.Item(key=key, value=value) for key, value in records])
    return extract(wallets, {path: data})


def test_an_old_wallet_tells_what_it_is(extract: Extract) -> None:
    found = extract(wallets, {PATH: OLD})
    assert found.problems == []
    (file,) = found.of(WalletFile)
    assert (file.software, file.software_version, file.format_version) == (
        "bitcoin-core",
        "0.8.6",
        "10500",
    )
    assert (file.state, file.wallet_type, file.network) == ("plain", "keypool", "mainnet")
    assert (file.addresses, file.transactions, file.recorded_balance) == (2, 2, 19_000)
    assert (file.shows, file.confidence) == (Shows.USED, Confidence.CONFIRMED)
    assert [time.event for time in file.times] == [
        "first_key_created",
        "last_transaction_recorded",
    ]


def test_labels_payments_and_deleted_labels(extract: Extract) -> None:
    found = {each.crypto_address: each for each in extract(wallets, {PATH: OLD}).of(WalletAddress)}
    mine, friend = found[KEY[2]], found[make.old_key("friend")[2]]
    assert (mine.label, mine.role, mine.used) == ("donations", "receive", True)
    assert (friend.label, friend.role, friend.used) == ("a friend", "contact", True)
    assert friend.shows is Shows.DESTINATION
    forgotten = found[make.old_key("forgotten")[2]]
    assert (forgotten.label, forgotten.row) == ("forgotten", RowState.SUPERSEDED)
    change = found[make.old_key("change")[2]]
    assert change.checks == ("computed from public keys",)


def test_amounts_follow_from_the_transactions(extract: Extract) -> None:
    by_delta = {each.delta: each for each in extract(wallets, {PATH: OLD}).of(WalletTransaction)}
    assert set(by_delta) == {70_000, -51_000}
    paid = by_delta[-51_000]
    assert paid.label == "loan " * 300  # the record lies in a chain of pages
    assert len(paid.summary()) < 200
    assert paid.confidence is Confidence.CONFIRMED


def test_private_keys_are_one_secret(extract: Extract) -> None:
    (secret,) = extract(wallets, {PATH: OLD}).of(WalletSecret)
    assert (secret.secret_type, secret.extent, secret.place) == (
        "private-keys",
        "2 keys",
        "key records",
    )
    assert secret.checks == ("key hash",)
    assert secret.sensitivity is Sensitivity.SECRET
    public, wif = secret.secret.splitlines()[0].split()
    assert public == KEY[1].hex()
    assert base58.decode_check(wif) == b"\x80" + KEY[0] + b"\x01"
    assert wif not in f"{secret!r} {secret.summary()} {secret.value()}"


def test_a_descriptor_wallet_gives_accounts_and_addresses(extract: Extract) -> None:
    found = extract(wallets, {PATH: DAILY})
    (file,) = found.of(WalletFile)
    assert (file.software_version, file.wallet_type, file.fingerprint) == (
        "25.1",
        "descriptor",
        "73c5da0a",
    )
    keys = {each.derivation: each for each in found.of(WalletXpub)}
    assert keys["m/84'/0'/0'"].script_type == "p2wpkh"
    assert keys["m/86'/0'/0'"].xpub == (
        "xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY"
        "49yfdDEHGCtMMj92pReUsQ"  # BIP-86
    )
    assert keys["m"].script_type is None
    addresses = {each.derivation: each.crypto_address for each in found.of(WalletAddress)}
    assert addresses["m/84'/0'/0'/0/0"] == "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"  # BIP-84
    assert len(addresses) == 3
    (secret,) = found.of(WalletSecret)  # four records hold the same key
    assert (secret.secret_type, secret.checks) == ("descriptor-key", ("key hash",))


def test_what_the_program_said_about_its_own_wallet(extract: Extract) -> None:
    """50 mined, 1.5 paid, and the fee between the two amounts of the transaction."""
    found = extract(wallets, {"/x/wallet.dat": TRIAL})
    (file,) = found.of(WalletFile)
    assert (file.software, file.network, file.recorded_balance) == (
        "litecoin-core",
        "regtest",
        4_849_971_800,
    )
    paid = next(each for each in found.of(WalletTransaction) if each.delta != 5_000_000_000)
    assert (paid.delta, paid.label) == (-150_028_200, "rent for march")
    addresses = {each.label: each for each in found.of(WalletAddress)}
    assert addresses["the landlord"].role == "contact"
    assert addresses["mining"].derivation == "m/0'/0'/0'"
    assert addresses["mining"].checks == ("computed from public keys",)


@pytest.mark.parametrize(
    ("records", "path", "software", "told_by"),
    [
        ([(name("bestblock"), GENESIS)], "/x/wallet.dat", "bitcoin-core", ("genesis block",)),
        (
            [(name("name") + name("DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L"), name(""))],
            "/x/wallet.dat",
            "dogecoin-core",
            ("address",),
        ),
        (
            [
                (name("bestblock"), GENESIS),
                (
                    name("name") + name("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"),
                    name(""),
                ),
            ],
            "/x/wallet.dat",
            "bitcoin-cash-node",
            ("genesis block",),
        ),
        ([], "/home/a/.dashcore/wallet.dat", "dash-core", ()),
        ([], "/home/a/.litecoin/testnet4/wallet.dat", "litecoin-core", ()),
    ],
)
def test_the_coin_is_told_by_what_is_surest(
    extract: Extract,
    records: list[tuple[bytes, bytes]],
    path: str,
    software: str,
    told_by: tuple[str, ...],
) -> None:
    found = run(extract, [(name("version"), struct.pack("<i", 210_100)), *records], path)
    (file,) = found.of(WalletFile)
    assert (file.software, file.checks) == (software, told_by)
    assert found.problems == []


def test_a_wallet_that_names_no_coin_says_so(extract: Extract) -> None:
    found = run(
        extract, [(name("key") + vector(KEY[1]), vector(make.der(KEY[0])))], "/x/wallet.dat"
    )
    (file,) = found.of(WalletFile)
    assert (file.coins, file.network) == ((), None)
    assert found.problems == ["nothing names the coin; addresses are written as Bitcoin's"]
    (secret,) = found.of(WalletSecret)
    assert secret.confidence is Confidence.PROBABLE  # no hash beside the key, as before 0.9


def test_dash_keeps_its_words_in_the_chain(extract: Extract) -> None:
    words = b" ".join([b"abandon"] * 11 + [b"about"])
    plain = struct.pack("<i", 1) + bytes(32) + b"\0" + vector(bytes(64)) + vector(words) + b"\0\0"
    found = run(extract, [(name("hdchain"), plain)], "/home/a/.dashcore/wallet.dat")
    (secret,) = found.of(WalletSecret)
    assert (secret.secret_type, secret.extent) == ("bip39-seed", "12 words")
    assert secret.confidence is Confidence.CONFIRMED
    sealed = plain[:36] + b"\1" + plain[37:]
    found = run(extract, [(name("hdchain"), sealed)], "/home/a/.dashcore/wallet.dat")
    assert found.of(WalletSecret) == []
    assert found.of(WalletFile)[0].state == "keystore-encrypted"


def test_zcash_keeps_seed_and_shielded_keys(extract: Extract) -> None:
    records = [
        (name("hdseed") + bytes(32), vector(b"s" * 32)),
        (name("sapzkey") + bytes(32), b"k" * 169),
    ]
    found = run(extract, records, "/home/a/.zcash/wallet.dat")
    assert [each.secret_type for each in found.of(WalletSecret)] == ["hd-seed", "shielded-key"]


def test_a_key_that_was_deleted_when_the_wallet_was_encrypted(extract: Extract) -> None:
    secret = make.der(KEY[0])
    mkey = vector(bytes(48)) + vector(bytes(8)) + struct.pack("<II", 0, 25_000) + b"\0"
    items = [
        bdb.Item(key=name("mkey") + bytes(4), value=mkey),
        bdb.Item(key=name("ckey") + vector(KEY[1]), value=vector(bytes(48))),
        bdb.Item(key=name("key") + vector(KEY[1]), value=vector(secret), deleted=True),
    ]
    found = extract(wallets, {PATH: bdb.write(items, order=">")})
    (file,) = found.of(WalletFile)
    assert (file.state, file.kdf, file.holds_secret) == ("keystore-encrypted", "sha512", True)
    (key,) = found.of(WalletSecret)
    assert key.row is RowState.SUPERSEDED


def in_slack(data: bytes, key: bytes, value: bytes) -> bytes:
    """Put a record into the unused part of the last leaf."""
    changed = bytearray(data)
    page = max(at for at in range(0, len(data), 4096) if data[at + 25] == 5)
    at = struct.unpack_from("<H", data, page + 22)[0]
    for item in (key, value):
        at = (at - len(item) - 3) & ~3
        struct.pack_into("<HB", changed, page + at, len(item), 1)
        changed[page + at + 3 : page + at + 3 + len(item)] = item
    return bytes(changed)


def test_a_key_in_slack_is_told_when_its_hash_holds(extract: Extract) -> None:
    live = bdb.write([bdb.Item(key=name("ckey") + vector(KEY[1]), value=vector(bytes(48)))])
    secret = make.der(KEY[0])
    value = vector(secret) + make.sha256d(KEY[1] + secret)
    data = in_slack(live, name("key") + vector(KEY[1]), value)
    found = extract(wallets, {PATH: data})
    (key,) = found.of(WalletSecret)
    assert (key.row, key.checks) == (RowState.SUPERSEDED, ("key hash",))
    for broken in (value[:-1] + b"x", vector(secret), value[:100]):
        data = in_slack(live, name("key") + vector(KEY[1]), broken)
        found = extract(wallets, {PATH: data})
        assert (found.of(WalletSecret), found.problems) == ([], [])


def test_a_label_that_was_changed_is_superseded(extract: Extract) -> None:
    live = bdb.write([bdb.Item(key=name("name") + name(KEY[2]), value=name("new"))])
    found = extract(wallets, {PATH: in_slack(live, name("name") + name(KEY[2]), name("old"))})
    assert {each.label: each.row for each in found.of(WalletAddress)} == {
        "new": None,
        "old": RowState.SUPERSEDED,
    }
    copy = extract(wallets, {PATH: in_slack(live, name("name") + name(KEY[2]), name("new"))})
    assert [each.row for each in copy.of(WalletAddress)] == [None]


def test_watched_scripts_are_imported(extract: Extract) -> None:
    script = b"\x76\xa9\x14" + bytes(20) + b"\x88\xac"
    records = [(name("watchs") + vector(script), b"1"), (name("bestblock"), GENESIS)]
    found = run(extract, records)
    (address,) = found.of(WalletAddress)
    assert (address.role, address.crypto_address) == (
        "imported",
        "1111111111111111111114oLvT2",
    )
    assert found.of(WalletFile)[0].wallet_type == "watch-only"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a wallet",
        bytes(8192),
        b"SQLite format 3\0",
        bdb.write([bdb.Item(key=b"diary", value=b"nothing")]),
        bdb.write([]),
        make.sqlite([]),
    ],
)
def test_what_is_no_wallet_yields_nothing(extract: Extract, data: bytes) -> None:
    try:
        found = extract(wallets, {PATH: data})
    except ParseError:
        assert data.startswith(b"SQLite")
    else:
        assert (found.findings, found.problems) == ([], [])


@pytest.mark.parametrize("length", [600, 4096, 9000, 12_288, 16_000, 20_479])
def test_a_wallet_cut_off_gives_what_it_has(extract: Extract, length: int) -> None:
    found = extract(wallets, {PATH: OLD[:length]})
    assert len(found.of(WalletFile)) <= 1


RECORDS = (
    *("key", "wkey", "ckey", "mkey", "keymeta", "name", "purpose", "destdata", "tx", "pool"),
    *("watchs", "cscript", "version", "minversion", "flags", "bestblock", "hdchain", "chdchain"),
    *("hdseed", "sapzkey", "walletdescriptor", "walletdescriptorkey", "walletdescriptorckey"),
    "walletdescriptorcache",
)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("rest", [b"", b"\x01", b"\xfd", b"\xff" * 9, b"\x21" + b"\x02" * 40])
@pytest.mark.parametrize("value", [b"", b"\xff" * 9, b"\xfe\xff\xff\xff\x7f", bytes(300)])
def test_no_record_may_be_trusted(record: str, rest: bytes, value: bytes) -> None:
    content = Content()
    content.add(name(record) + rest, value, "here")
    assert len(content.bad) <= 1


def test_bad_records_are_told_and_counted(extract: Extract) -> None:
    records = [(name("tx") + bytes([n]) * 32, b"\1") for n in range(9)]
    found = run(extract, [*records, (name("bestblock"), GENESIS)])
    assert len(found.problems) == 6
    assert found.problems[-1] == "4 more records do not fit their type"
    assert found.of(WalletFile)[0].recorded_balance is None
    assert {each.confidence for each in found.of(WalletTransaction)} == {Confidence.PROBABLE}


def test_a_transaction_that_is_not_the_one_it_is_named_is_probable(extract: Extract) -> None:
    raw = make.transaction([(b"\1" * 32, 0)], [(5, KEY[1])])
    records = [(name("tx") + b"\2" * 32, make.entry(raw, {}, 5)), (name("bestblock"), GENESIS)]
    (found,) = run(extract, records).of(WalletTransaction)
    assert (found.confidence, found.delta) == (Confidence.PROBABLE, None)


@pytest.mark.parametrize(
    ("value", "ticker", "text"),
    [
        (32_400, "BTC", "0.3.24"),
        (80_600, "BTC", "0.8.6"),
        (200_100, "BTC", "0.20.1"),
        (220_000, "BTC", "22.0"),
        (280_100, "BTC", "28.1"),
        (210_201, "LTC", "0.21.2.1"),
        (1_140_600, "DOGE", "1.14.6"),
        (170_003, "DASH", "0.17.0.3"),
        (180_000, "DASH", "18.0"),
    ],
)
def test_versions_are_written_as_people_do(value: int, ticker: str, text: str) -> None:
    assert client_version(value, ticker) == text


@pytest.mark.parametrize(
    ("script", "address"),
    [  # BIP-173 and BIP-350; the first block's coinbase
        (
            "0014751e76e8199196d454941c45d1b3a323f1433bd6",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        (
            "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ),
        (
            (
                "4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38"
                "c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac"
            ),
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        ),
        ("6a0568656c6c6f", None),
        ("", None),
        ("00", None),
        ("000102", None),
    ],
)
def test_scripts_become_addresses(script: str, address: str | None) -> None:
    assert _coins.CHAINS[0].address(bytes.fromhex(script)) == address


@pytest.mark.parametrize(
    ("path", "ticker", "network"),
    [
        ("/home/a/.bitcoin/wallet.dat", "BTC", "mainnet"),
        ("/home/a/.bitcoin/testnet3/wallet.dat", "BTC", "testnet"),
        ("/home/a/.bitcoin/signet/wallets/x/wallet.dat", "BTC", "signet"),
        ("/Users/a/AppData/Roaming/Litecoin/wallet.dat", "LTC", "mainnet"),
        ("/backup/dogecoin-wallet.dat", "DOGE", "mainnet"),
    ],
)
def test_folders_name_the_chain(path: str, ticker: str, network: str) -> None:
    chain = _coins.by_path(path)
    assert chain is not None
    assert (chain.ticker, chain.network) == (ticker, network)


def test_no_folder_names_no_chain() -> None:
    assert _coins.by_path("/x/wallet.dat") is None


def test_genesis_blocks_are_told_apart() -> None:
    known = [chain.genesis for chain in _coins.CHAINS if chain.genesis]
    assert len(known) == len(set(known))
    assert all(len(block) == 64 for block in known)


def test_public_derivation_is_that_of_the_standards() -> None:
    payload = base58.decode_check(  # BIP-32, test vector 2: m and m/0
        "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BD"
        "zTJY47LJhkJ8UB7WEGuduB"
    )
    child = base58.decode_check(
        "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZ"
        "b7ap6r1D3tgFxHmwMkQTPH"
    )
    assert _bip32.child(payload[13:45], payload[45:], 0) == (child[13:45], child[45:])
    with pytest.raises(ParseError):
        _bip32.child(payload[13:45], payload[45:], 1 << 31)
    with pytest.raises(ParseError):
        _bip32.child(payload[13:45], b"\x02" + b"\xff" * 32, 0)
    with pytest.raises(ParseError):
        _bip32.lift(b"\x02" + bytes(31) + b"\x05")  # no point has x = 5


@pytest.mark.parametrize("length", [0, 1, 55, 56, 64, 119, 200])
def test_ripemd_is_the_same_with_and_without_openssl(length: int) -> None:
    data = b"a" * length
    assert _bitcoin.ripemd160(data) == _bitcoin.ripemd160_here(data)


XPUB = MASTER.xpub()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"wpkh([73c5da0a/84h/0h/0h]{XPUB}/0/*)#abcdefgh", ["p2wpkh"]),
        (f"sh(wsh(sortedmulti(2,{XPUB}/0/*,{XPUB}/1/*)))", ["p2sh-p2wsh", "p2sh-p2wsh"]),
        (f"tr({XPUB}/86'/0'/0'/0/*)", ["p2tr"]),
        ("wpkh(02" + "11" * 32 + ")", []),
        ("no descriptor", []),
        ("wpkh(" + "x" * 200_000, []),
    ],
)
def test_descriptors_are_taken_apart(text: str, kinds: list[str]) -> None:
    assert [shape.script_type for shape in parse_descriptor(text)] == kinds


def test_origin_and_steps_make_the_path() -> None:
    (shape,) = parse_descriptor(f"wpkh([0123abcd/84h/0h/5h]{XPUB}/1/*)")
    assert (shape.path(0), shape.path(1), shape.fingerprint) == (
        "m/84'/0'/5'",
        "m/84'/0'/5'/1",
        "0123abcd",
    )


@pytest.mark.parametrize("data", [b"", b"\1\0\0\0", b"\1\0\0\0\xff" + b"\xff" * 8, b"\1\0\0\0\0\2"])
def test_transactions_that_end_early_are_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        read_transaction(Stream(data))
    with pytest.raises(ParseError):
        read_wallet_entry(data)


CONF = "/home/a/.bitcoin/bitcoin.conf"


def test_a_configuration_names_wallets_and_hides_its_password(extract: Extract) -> None:
    text = (
        "# mine\nrpcuser=u\nrpcpassword=hunter2\nwalletdir=/media/stick\nwallet=cold\n"
        "proxy=127.0.0.1:9050\n[test]\nwallet=trial\nserver=1\n[main]\nwallet=/abs/olute\n"
    )
    found = extract(configuration, {CONF: text.encode(), "/media/stick/cold/wallet.dat": b"x"})
    named = {each.named: each for each in found.of(WalletFile)}
    assert named["/media/stick/cold"].path == "/media/stick/cold/wallet.dat"
    assert named["/media/stick/cold"].proxy == "127.0.0.1:9050"
    assert named["/abs/olute"].network == "mainnet"
    assert named["trial"].network == "testnet"
    (secret,) = found.of(WalletSecret)
    assert (secret.place, secret.extent, secret.secret) == ("line 3", "7 characters", "hunter2")


@pytest.mark.parametrize(
    "text", ["", "server=1\n", "=\n", "[", "wallet\n", "# wallet=x\n", "\0\xff"]
)
def test_a_configuration_that_names_nothing_yields_nothing(extract: Extract, text: str) -> None:
    assert extract(configuration, {CONF: text.encode("latin-1")}).findings == []


def test_settings_name_the_wallets_that_are_loaded(extract: Extract) -> None:
    tree = {
        "/home/a/.bitcoin/settings.json": b'{"wallet": ["cold", "", 5]}',
        "/home/a/.bitcoin/wallets/cold/wallet.dat": b"x",
        "/home/a/.bitcoin/wallet.dat": b"x",
    }
    cold, default = extract(settings, tree).of(WalletFile)
    assert (cold.named, cold.path) == ("cold", "/home/a/.bitcoin/wallets/cold/wallet.dat")
    assert (default.named, default.path) == ("wallet.dat", "/home/a/.bitcoin/wallet.dat")


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"wallet": 5}', b'{"wallet": [{}]}'])
def test_settings_without_wallets_yield_nothing(extract: Extract, data: bytes) -> None:
    assert extract(settings, {"/home/a/.bitcoin/settings.json": data}).findings == []


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000])
def test_settings_that_are_no_json_are_refused(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(settings, {"/home/a/.bitcoin/settings.json": data})


LOG = """2016-02-03 04:05:06 Bitcoin version v0.12.0 (2016-02-01 12:00:00 +0000)
2016-02-03 04:05:06 Using data directory /home/a/.bitcoin
2016-02-03 04:06:00 Encrypting Wallet with an nDeriveIterations of 150000
2016-02-03 04:07:00 AddToWallet {first}  new
2024-05-06T07:08:09Z UpdateTip: new best=00 height=842000 version=0x2 date='2024-05-06' progress=1
2024-05-06T07:09:00Z [cold] AddToWallet {second}  new
2024-05-06T07:09:30Z [cold] AddToWallet {second}  update
""".format(first="aa" * 32, second="bb" * 32)


def test_a_log_tells_versions_wallets_and_transactions(extract: Extract) -> None:
    found = extract(log, {"/home/a/.bitcoin/debug.log": LOG.encode()})
    files = {each.named: each for each in found.of(WalletFile)}
    assert set(files) == {"/home/a/.bitcoin", "/home/a/.bitcoin/cold"}
    file = files["/home/a/.bitcoin/cold"]
    assert (file.software_version, file.synced_height) == ("0.12.0", 842_000)
    assert [(time.event, time.utc) for time in file.times] == [
        ("first_logged", "2016-02-03T04:05:06Z"),
        ("last_logged", "2024-05-06T07:09:30Z"),
        ("encrypted", "2016-02-03T04:06:00Z"),
    ]
    first, second = found.of(WalletTransaction)
    assert (first.txid, first.times[0].utc) == ("aa" * 32, "2016-02-03T04:07:00Z")
    assert second.times[0].utc == "2024-05-06T07:09:00Z"


@pytest.mark.parametrize(
    "text", ["", "no log\n", "2016-02-03 04:05:06 something else\n", "\0" * 99]
)
def test_another_log_yields_nothing(extract: Extract, text: str) -> None:
    found = extract(log, {"/home/a/.bitcoin/debug.log": text.encode()})
    assert (found.findings, found.problems) == ([], [])


SAMPLES = Path(os.environ.get("TRIAGE_SAMPLES", "/nowhere")) / "wallets/btcrecover"
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="TRIAGE_SAMPLES does not name a folder with wallets/btcrecover/"
)


@needs_samples
def test_a_wallet_of_bitcoin_core_0_20(extract: Extract) -> None:
    found = extract(wallets, {PATH: (SAMPLES / "bitcoincore-0.20.1-wallet.dat").read_bytes()})
    assert found.problems == []
    (file,) = found.of(WalletFile)
    assert (file.software_version, file.wallet_type) == ("0.20.1", "hd")
    assert (file.state, file.kdf) == ("keystore-encrypted", "sha512")
    assert (file.coins, file.network, file.addresses) == (("BTC",), "mainnet", 2001)
    labels = {each.label: each.crypto_address for each in found.of(WalletAddress) if each.label}
    assert labels == {
        "test0": "bc1qj8k8gnwcmpp5rruu504sluxqvvya4rmqxe2g6c",
        "test1": "bc1q9y3dj7xa94689uuxkgfzt56vy69uqnjz6tsten",
        "test2": "bc1qv9l4scphxsrvtkj9dv5q6rfs8av287wnnszj39",
    }
    assert found.of(WalletSecret) == []


@needs_samples
def test_a_wallet_of_litecoin_core_0_18(extract: Extract) -> None:
    data = (SAMPLES / "litecoincore-0.18.1-wallet.dat").read_bytes()
    found = extract(wallets, {"/home/a/.litecoin/wallet.dat": data})
    (file,) = found.of(WalletFile)
    assert (file.software, file.software_version, file.addresses) == (
        "litecoin-core",
        "0.18.1",
        4002,
    )
    assert file.state == "keystore-encrypted"
    assert all(each.crypto_address[0] == "M" for each in found.of(WalletAddress))


@needs_samples
def test_a_descriptor_wallet_of_bitcoin_core_0_21(extract: Extract) -> None:
    found = extract(wallets, {PATH: (SAMPLES / "bitcoincore-0.21.1-wallet.dat").read_bytes()})
    (file,) = found.of(WalletFile)
    assert (file.wallet_type, file.state, file.checks) == (
        "descriptor",
        "keystore-encrypted",
        ("network magic",),
    )
    assert file.script_types == ("p2pkh", "p2sh-p2wpkh", "p2wpkh")
    assert file.times[0].utc == "2022-03-15T11:11:10Z"
    paths = {each.derivation for each in found.of(WalletXpub)}
    assert paths == {"m", *(f"m/{p}'/0'/0'/{c}" for p in (44, 49, 84) for c in (0, 1))}
