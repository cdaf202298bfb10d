"""What follows from the records of a Bitcoin Core wallet: own addresses, amounts, destinations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from triage.api import ParseError
from triage.formats import addresses, base58, extended_keys

from . import _bip32, _coins, _found
from ._bitcoin import hash160
from ._coins import Chain
from ._core_records import Content, Descriptor, Key

_MOST_KEYS = 100_000
_MOST_DERIVED = 1000  # addresses of one descriptor
_LONGEST_DESCRIPTOR = 10_000  # characters
_NETWORKS: Final = {"main": "mainnet", "test": "testnet", "regtest": "regtest"}
_ROLES: Final = {0: "receive", 1: "change"}
_SINCE_P2SH_SEGWIT, _SINCE_SEGWIT = 159_900, 190_000  # client versions and their default addresses
_CLIENT_22: Final = {"DASH": 180_000}  # since then a version is major, minor, build
_LEGACY_PATH = re.compile(r"m/\d+'/([01])'/\d+'?")


def client_version(value: int, ticker: str) -> str:
    """Return the number of a `version` record as people write it: 0.20.1, 25.1, 1.14.6."""
    parts = [value // 1_000_000, value // 10_000 % 100, value // 100 % 100, value % 100]
    if _CLIENT_22.get(ticker, 220_000) <= value < 1_000_000:  # noqa: PLR2004 - see the numbers above
        parts = parts[1:]
    while len(parts) > 2 and parts[-1] == 0:  # noqa: PLR2004 - major and minor stay
        parts.pop()
    return ".".join(map(str, parts))


def chain_of(content: Content, magic: bytes | None, path: str) -> tuple[Chain, str | None]:
    """Return the chain of a wallet and what tells so: magic, genesis, address, path or None."""
    found = _coins.by_magic(magic) if magic else None
    if found:
        return found, "network magic"
    listed = _by_names(content)
    found = _coins.by_genesis(content.genesis) if content.genesis else None
    if found:
        cash = found.ticker == "BTC" and listed is not None and listed.ticker == "BCH"
        return (listed if cash and listed else found), "genesis block"
    if listed:
        return listed, "address"
    found = _coins.by_path(path)
    return (found, "path") if found else (_coins.CHAINS[0], None)


def _by_names(content: Content) -> Chain | None:
    for address in content.names:
        known = addresses.classify(address)
        ticker = _found.ticker(known.coin) if known and known.checks else None
        if known is None or ticker is None:
            continue
        network = _NETWORKS.get(known.network, known.network)
        if ticker == "BCH":
            plain = _coins.of("BTC", network)
            return plain and replace(plain, ticker="BCH", software="bitcoin-cash-node", segwit=None)
        if found := _coins.of(ticker, network):
            return found
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """An address that the wallet has the key for, or watches."""

    address: str
    script: bytes
    role: str
    place: str
    guessed: bool = False  # the key is the wallet's, the form of the address is a choice
    derivation: str | None = None
    created: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """An extended public key of a descriptor."""

    xpub: str
    derivation: str | None
    fingerprint: str | None
    script_type: str | None
    descriptor: str
    place: str
    created: int


class Wallet:
    """One wallet, as its records and its chain make it."""

    def __init__(self, content: Content, chain: Chain) -> None:
        self.content, self.chain = content, chain
        self.cut = False  # more keys than are looked at

    @cached_property
    def own(self) -> dict[bytes, Own]:
        """Own addresses by their scripts."""
        found: dict[bytes, Own] = {}
        for count, key in enumerate(self.content.keys.values()):
            if count == _MOST_KEYS:
                self.cut = True
                break
            for own in self._of_key(key):
                found.setdefault(own.script, own)
        for script, place in self.content.scripts.items():
            if address := self.chain.address(script):
                own = Own(address=address, script=script, role="imported", place=place)
                found.setdefault(script, own)
        for identifier, descriptor in self.content.descriptors.items():
            for own in self._derived(identifier, descriptor):
                found.setdefault(own.script, own)
        return found

    def _of_key(self, key: Key) -> Iterator[Own]:
        """Yield the forms that one key may be paid in; those that the wallet shows come first."""
        if key.path and key.path.startswith("x/"):  # Litecoin's MWEB: no address without a scan key
            return
        role = "own"
        if matched := _LEGACY_PATH.fullmatch(key.path or ""):
            role = _ROLES[int(matched[1])]
        for kind in self._forms if len(key.public) == 33 else ("p2pkh",):  # noqa: PLR2004 - compressed
            script = _bip32.script(key.public, kind)
            address = self.chain.address(script) if script else None
            if script and address:
                yield Own(
                    address=address,
                    script=script,
                    role=role,
                    place=key.place,
                    guessed=True,
                    derivation=key.path if key.path and "/" in key.path else None,
                    created=key.created,
                )

    @cached_property
    def _forms(self) -> tuple[str, ...]:
        """Forms that keys are looked for in: segwit only where the wallet can know it."""
        if not self.chain.segwit or not (self.content.redeem or self.version >= _SINCE_P2SH_SEGWIT):
            return ("p2pkh",)
        return ("p2wpkh", "p2sh-p2wpkh", "p2pkh")

    @property
    def version(self) -> int:
        """The client version that last wrote the wallet, 0 if it does not say."""
        return self.content.version or 0

    @cached_property
    def paid(self) -> set[bytes]:
        """Scripts that the wallet's transactions pay."""
        return {
            output.script
            for entry, _ in self.content.transactions.values()
            if entry
            for output in entry.transaction.outputs
        }

    @cached_property
    def paid_addresses(self) -> set[str]:
        """Addresses that the wallet's transactions pay."""
        return {address for script in self.paid if (address := self.chain.address(script))}

    def listed(self) -> Iterator[Own]:
        """Yield own addresses as a wallet lists them.

        Each key in one form, the one that its addresses are most often in, and in every form that
        was handed out or paid.
        """
        handed = {own.address for own in self.own.values()} & self.content.names.keys()
        shown = Counter(
            _form(own.script)
            for own in self.own.values()
            if own.guessed and (own.address in handed or own.script in self.paid)
        )
        usual = max(shown, key=lambda kind: (shown[kind], kind)) if shown else self._usual()
        for own in self.own.values():
            shown_itself = own.address in handed or own.script in self.paid
            if shown_itself or not own.guessed or _form(own.script) == usual:
                yield own

    def _usual(self) -> str:
        if "p2wpkh" not in self._forms:
            return "p2pkh"
        return "p2wpkh" if self.version >= _SINCE_SEGWIT else "p2sh"

    def _derived(self, identifier: bytes, descriptor: Descriptor) -> Iterator[Own]:
        shapes = parse_descriptor(descriptor.text)
        if len(shapes) != 1 or shapes[0].script_type not in _bip32.SCRIPT_TYPES:
            return
        shape = shapes[0]
        parent = self._parent(identifier, shape)
        if parent is None:
            return
        chain_code, key, path = parent
        role = _ROLES.get(int(path.rpartition("/")[2]), "own") if path[-1:].isdigit() else "own"
        for index in range(max(0, min(descriptor.next_index, _MOST_DERIVED))):
            try:
                script = _bip32.script(_bip32.child(chain_code, key, index)[1], shape.script_type)
            except ParseError:
                continue
            address = self.chain.address(script) if script else None
            if script and address:
                yield Own(
                    address=address,
                    script=script,
                    role=role,
                    place=descriptor.place,
                    derivation=f"{path}/{index}",
                    created=descriptor.created,
                )

    def _parent(self, identifier: bytes, shape: Shape) -> tuple[bytes, bytes, str] | None:
        """Return chain code, key and path of the key whose children are the addresses."""
        if not shape.ranged:
            return None
        payload = base58.decode_check(shape.xpub)
        depth, chain_code, key = payload[4], payload[13:45], payload[45:]
        if not any(step.endswith(("'", "h")) for step in shape.steps):
            try:
                for step in shape.steps:
                    chain_code, key = _bip32.child(chain_code, key, int(step))
            except (ParseError, ValueError):
                return None
            return chain_code, key, shape.path(len(shape.steps))
        for level, data in self.content.extended.get(identifier, ()):
            if level == depth + len(shape.steps):
                return data[9:41], data[41:], shape.path(len(shape.steps))
        return None

    def extended(self) -> Iterator[Extended]:
        """Yield the extended public keys of the descriptors, each once."""
        seen: set[str] = set()
        for identifier, descriptor in self.content.descriptors.items():
            shapes = parse_descriptor(descriptor.text)
            for shape in shapes:
                top = base58.decode_check(shape.xpub)[4]
                keys = [(top, shape.xpub)]
                if len(shapes) == 1:  # else which key a cached one belongs to is not told
                    keys += self._cached(identifier)
                for depth, xpub in sorted(keys):
                    below = depth - top
                    if xpub in seen or not 0 <= below <= len(shape.steps):
                        continue
                    seen.add(xpub)
                    account = below or not _hardened(shape.steps)
                    yield Extended(
                        xpub=xpub,
                        derivation=shape.path(below),
                        fingerprint=shape.fingerprint,
                        script_type=shape.script_type if account else None,
                        descriptor=descriptor.text,
                        place=descriptor.place,
                        created=descriptor.created,
                    )

    def _cached(self, identifier: bytes) -> list[tuple[int, str]]:
        version = self.chain.xpub_version
        return [
            (depth, base58.encode_check(version + data))
            for depth, data in self.content.extended.get(identifier, ())
        ]

    def delta(self, txid: str) -> int | None:
        """Return what own addresses gained less what they lost, None if the bytes do not say."""
        entry = self.content.transactions[txid][0]
        if entry is None:
            return None
        gained = sum(out.value for out in entry.transaction.outputs if out.script in self.own)
        return gained - sum(self._spent(txid))

    def _spent(self, txid: str) -> Iterator[int]:
        entry = self.content.transactions[txid][0]
        for before, number in entry.transaction.spends if entry else ():
            source = self.content.transactions.get(before, (None, ""))[0]
            if source and number < len(source.transaction.outputs):
                output = source.transaction.outputs[number]
                if output.script in self.own:
                    yield output.value

    def payees(self) -> Iterator[tuple[str, str]]:
        """Yield address and transaction where own money went to an address that is not own."""
        for txid, (entry, _) in self.content.transactions.items():
            if entry is None or not any(self._spent(txid)):
                continue
            for output in entry.transaction.outputs:
                address = self.chain.address(output.script)
                if address and output.script not in self.own:
                    yield address, txid

    def balance(self) -> int | None:
        """Return the sum over the transactions that stand, None when one could not be read."""
        deltas = [
            self.delta(txid)
            for txid, (entry, _) in self.content.transactions.items()
            if entry is None or not entry.abandoned
        ]
        return None if None in deltas or not deltas else sum(filter(None, deltas))


def _hardened(steps: tuple[str, ...]) -> bool:
    return any(step.endswith(("'", "h")) for step in steps)


def _form(script: bytes) -> str:
    return {25: "p2pkh", 23: "p2sh", 22: "p2wpkh", 34: "p2tr"}.get(len(script), "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The parts of a descriptor with one key: `wpkh([fingerprint/path]xpub/84'/0'/0'/0/*)`."""

    script_type: str
    xpub: str
    origin: tuple[str, ...]
    steps: tuple[str, ...]  # after the key, without the star
    ranged: bool
    fingerprint: str | None

    def path(self, below: int) -> str:
        """Return the path of the key `below` steps under the extended one."""
        return "/".join(("m", *self.origin, *self.steps[:below]))


_WRAPPERS: Final = {
    "pk": "p2pk",
    "pkh": "p2pkh",
    "wpkh": "p2wpkh",
    "sh(wpkh": "p2sh-p2wpkh",
    "tr": "p2tr",
    "wsh": "p2wsh",
    "sh(wsh": "p2sh-p2wsh",
    "sh": "p2sh",
}
_KEY = re.compile(
    r"(?:\[([0-9a-f]{8})((?:/\d+['h]?){0,10})\])?"
    r"([a-zA-Z]{4}[1-9A-HJ-NP-Za-km-z]{107,108})((?:/\d+['h]?){0,10})(/\*)?"
)
_OUTER = re.compile(r"((?:sh\()?[a-z]+)\(")


def parse_descriptor(text: str) -> tuple[Shape, ...]:
    """Return the extended public keys of a descriptor, each with what is around it."""
    outer = _OUTER.match(text)
    if outer is None:
        return ()
    wrapper = outer[1] if outer[1] in _WRAPPERS else outer[1].partition("(")[0]
    script_type = _WRAPPERS.get(wrapper, wrapper)
    shapes = []
    for found in _KEY.finditer(text, 0, _LONGEST_DESCRIPTOR):
        known = extended_keys.classify(found[3])
        if known is None or known.private:
            continue
        fingerprint = found[1]
        if fingerprint is None and known.depth == 0:
            fingerprint = hash160(base58.decode_check(known.text)[45:])[:4].hex()
        shapes.append(
            Shape(
                script_type=script_type,
                xpub=known.text,
                origin=_steps(found[2]),
                steps=_steps(found[4]),
                ranged=bool(found[5]),
                fingerprint=fingerprint,
            )
        )
    return tuple(shapes)


def _steps(text: str | None) -> tuple[str, ...]:
    return tuple(step.replace("h", "'") for step in (text or "").split("/") if step)
