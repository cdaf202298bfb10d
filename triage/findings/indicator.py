"""Indicators: strings that mean something wherever they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation, Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorOnion(Finding):
    """The address of an onion service: one finding for each address in an artifact."""

    kind: ClassVar[str] = "indicator.onion"
    identity: ClassVar[tuple[str, ...]] = ("onion",)
    title: ClassVar[str] = "Onion addresses"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The name of an onion service stands here; a checksum shows that it is well formed.",
        does_not_mean="That the service was visited, exists, or what it offers.",
        other_explanations="A text about onion services, a list of links, a block list.",
        next_steps="See where it stands, and search the rest of the exhibit for it. Never open it "
        "from an examiner's machine; what `category` says comes from a dated list.",
    )

    onion: str  # lower case, ends in `.onion`, without sub-domains
    onion_version: int  # 3, or 2 for those before 2021
    checksum_ok: bool  # always so for version 3; version 2 has none
    where: tuple[str, ...] = ()  # visit, bookmark, search …, or `text`
    entries: int | None = None  # rows behind this finding
    category: str | None = None  # of the indicator list, such as a service known to the public
    indicator: str | None = None

    def summary(self) -> str:
        """Address, and where it stands."""
        where = f" in {', '.join(self.where)}" if self.where else ""
        known = f" ({self.category})" if self.category else ""
        return f"onion address {self.onion}{where}{known}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorI2p(Finding):
    """The name of an I2P service: one finding for each name in an artifact."""

    kind: ClassVar[str] = "indicator.i2p"
    identity: ClassVar[tuple[str, ...]] = ("i2p",)
    title: ClassVar[str] = "I2P addresses"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A name of the I2P network stands here; only those for encrypted lease sets carry "
        "a checksum.",
        does_not_mean="That the service was visited, exists, or what it offers.",
        other_explanations="A text about I2P, an address book that ships with a router.",
        next_steps="See where it stands, and look for an I2P router and its address book.",
    )

    i2p: str  # lower case, ends in `.i2p`
    i2p_form: str  # b32, b33, name
    checksum_ok: bool  # so for b33; the others have none
    where: tuple[str, ...] = ()  # visit, bookmark, search …, or `text`
    entries: int | None = None  # rows behind this finding
    category: str | None = None  # of the indicator list
    indicator: str | None = None

    def summary(self) -> str:
        """Address, and where it stands."""
        where = f" in {', '.join(self.where)}" if self.where else ""
        known = f" ({self.category})" if self.category else ""
        return f"I2P address {self.i2p}{where}{known}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorCryptoAddress(Finding):
    """A cryptocurrency address in bytes: one finding for each address in a file or kind of space.

    `entries` counts the places, up to the profile's limit.
    """

    kind: ClassVar[str] = "indicator.crypto-address"
    identity: ClassVar[tuple[str, ...]] = ("coin", "crypto_address")
    title: ClassVar[str] = "Cryptocurrency addresses"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="An address of this cryptocurrency stands here; `checks` says which checksum holds.",
        does_not_mean="Whose it is, or that anything was ever paid to it or from it.",
        other_explanations="A donation address in a text or program, a page in a cache, a block "
        "list, malware that exchanges addresses.",
        next_steps="Look at what surrounds it, and for it on the public ledger, from another "
        "machine.",
    )

    coin: str  # ticker: BTC, LTC, XMR
    crypto_address: str
    network: str  # main, test, stage
    address_type: str  # p2pkh, p2wpkh, subaddress …
    entries: int  # places

    def summary(self) -> str:
        """Coin, address, number of places."""
        times = f", {self.entries} places" if self.entries > 1 else ""
        return f"{self.coin} address {self.crypto_address}{times}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorCryptoSecret(Finding):
    """A seed, private key or recovery key in bytes. Only presence, type, place and length are told.

    `supported`: layout or words around it speak for it as well. `complete` is false for a phrase
    that lacks a word or whose checksum fails. `entries` counts the places.
    """

    kind: ClassVar[str] = "indicator.crypto-secret"
    identity: ClassVar[tuple[str, ...]] = ("secret_type", "extent")
    title: ClassVar[str] = "Seeds, private keys and recovery keys in bytes"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="These bytes have the form of a seed, a private key or a recovery key; whoever reads "
        "them can use it.",
        does_not_mean="That there are funds, or that a phrase of weak proof is one: of word lists "
        "in a row one in 16 to 256 passes by chance.",
        other_explanations="Documentation, test data of a program, a word list, a trial wallet.",
        next_steps="Read it at its place on the image, by the seizure procedure of your agency. "
        "Treat the exhibit and every copy as cash.",
    )

    secret_type: str  # bip39, xprv, wif, bitlocker recovery key …
    extent: str  # `12 words`, `52 characters`
    language: str | None = None  # of the word list
    supported: bool | None = None  # of phrases only
    complete: bool = True
    entries: int = 1  # places

    def summary(self) -> str:
        """Type and length, never the value."""
        doubt = "" if self.complete else ", incomplete or mistyped"
        times = f", {self.entries} places" if self.entries > 1 else ""
        clear = " in clear" if self.protection is Protection.PLAIN else ""
        return f"{self.secret_type}{clear}, {self.extent}{doubt}{times}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorKeyword(Finding):
    """A keyword that the examiner brought, in one encoding: one finding for each file."""

    kind: ClassVar[str] = "indicator.keyword"
    identity: ClassVar[tuple[str, ...]] = ("keyword", "encoding")
    title: ClassVar[str] = "Keywords"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="These characters stand here, in any case, also within a longer word.",
        does_not_mean="That they are meant as the keyword is.",
        other_explanations="Chance, for short keywords; a dictionary, a program, a page.",
        next_steps="Read what surrounds it.",
    )

    keyword: str  # as the list has it
    encoding: str  # utf-8, cp1252, utf-16-le, utf-16-be
    entries: int  # places

    def summary(self) -> str:
        """Keyword and number of places."""
        return f"keyword “{self.keyword}”, {self.entries} places"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorHash(Finding):
    """A file whose digest stands in a list that the examiner brought."""

    kind: ClassVar[str] = "indicator.hash"
    identity: ClassVar[tuple[str, ...]] = ("algorithm", "digest")
    title: ClassVar[str] = "Files on a list of digests"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The content of this file has a digest of the list: it is the file that the list is "
        "about, to the byte.",
        does_not_mean="That the list is right about it, or that it was opened. Two files with one "
        "MD5 or SHA-1 can be made.",
        other_explanations="A part of a system or a program, where the list is of such.",
        next_steps="Look up the line in the list.",
    )

    algorithm: str  # md5, sha1, sha256
    digest: str  # hexadecimal
    list_sha256: str  # of the list
    list_line: int  # counted from 1

    def summary(self) -> str:
        """Algorithm, digest, line."""
        return f"{self.algorithm} {self.digest} is line {self.list_line} of the list"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorYara(Finding):
    """A file, or a stretch outside of files, of which a rule that the examiner brought is true."""

    kind: ClassVar[str] = "indicator.yara"
    identity: ClassVar[tuple[str, ...]] = ("namespace", "rule")
    title: ClassVar[str] = "YARA rules"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The condition of this rule is true of the content of the file, or outside of files "
        "of a stretch that no file has.",
        does_not_mean="More than the rule's author made sure of.",
        other_explanations="A text about what the rule looks for, the rule itself, a signature "
        "file of a virus scanner.",
        next_steps="Read the rule and the strings at their places.",
    )

    rule: str
    namespace: str
    tags: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()  # identifiers that were found, the first 16
    entries: int = 0  # places of all strings

    def summary(self) -> str:
        """Rule and strings."""
        strings = f" ({', '.join(self.strings)})" if self.strings else ""
        return f"YARA rule {self.rule}{strings}"
