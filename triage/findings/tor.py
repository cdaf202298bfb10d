"""Tor: what a tor process and its configuration leave behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


@dataclass(frozen=True, slots=True, kw_only=True)
class TorClient(Finding):
    """A tor data directory: one for each directory, whoever runs tor in it."""

    kind: ClassVar[str] = "tor.client"
    identity: ClassVar[tuple[str, ...]] = ("directory",)
    title: ClassVar[str] = "Tor data directories"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A tor process kept its state in this directory, `last_written` is when it last did; "
        "without times, a configuration names the directory.",
        does_not_mean="What was visited, or that anything unlawful was: tor keeps no history.",
        other_explanations="A wallet, a chat program or an update service that brings its own tor.",
        next_steps="Look at the browser profile beside it, at bridges and onion credentials, "
        "and at execution traces of the operating system.",
    )

    directory: str  # evidence path of the data directory
    version: str | None = None  # tor that last wrote the state
    bundled_with: str | None = None  # tor-browser, system, orbot, … told from the path
    circuits_measured: int | None = None  # saturates at 1000
    circuits_abandoned: int | None = None
    minutes_since_activity: int | None = None  # when the state was written
    dormant: bool | None = None
    utc_offset_minutes: int | None = None  # local time ahead of UTC at `last_written`; never 0
    guards_confirmed: int = 0
    guards_sampled: int = 0
    consensus_valid_after: str | None = None  # RFC 3339, UTC: a second clock
    configured_paths: tuple[str, ...] = ()  # absolute paths of that machine in torrc
    settings: tuple[str, ...] = ()  # `Name value` of torrc that say what tor was set up for
    container: str | None = None  # store and name: `overlay2 3f0c…`, `volume shop`

    def summary(self) -> str:
        """Directory, version, measured use."""
        version = f", {self.version}" if self.version else ""
        used = f", {self.circuits_measured} circuits measured" if self.circuits_measured else ""
        return f"tor data directory {self.directory}{version}{used}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TorGuard(Finding):
    """An entry relay that tor chose. tor itself sets the dates up to 12 days back at random."""

    kind: ClassVar[str] = "tor.guard"
    identity: ClassVar[tuple[str, ...]] = ("fingerprint", "selection")
    title: ClassVar[str] = "Entry guards"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="tor chose this relay; `confirmed` means that a circuit through it worked.",
        does_not_mean="An exact day: tor writes a random time up to 12 days before the truth (30 "
        "before tor 0.3.0), so it happened between the dates `not before` and `not later than`. "
        "A guard that is only sampled was not necessarily contacted.",
        other_explanations="A copied data directory. tor chooses guards by itself: nobody picked "
        "this relay, and many others use it.",
        next_steps="Addresses that the relay had at the time are published by the Tor Project; "
        "ask the access provider for connections to them.",
    )

    fingerprint: str  # 40 hex
    selection: str  # default, bridges, restricted
    nickname: str | None = None
    bridge_address: str | None = None  # ip:port
    confirmed: bool = False
    sampled_by: str | None = None  # tor version
    use_attempts: str | None = None  # decaying float, as text

    def summary(self) -> str:
        """Nickname, fingerprint, confirmed or sampled."""
        state = "confirmed" if self.confirmed else "sampled only"
        name = f"{self.nickname} " if self.nickname else ""
        return f"entry guard {name}{self.fingerprint} ({self.selection}), {state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TorBridge(Finding):
    """A bridge that the configuration names."""

    kind: ClassVar[str] = "tor.bridge"
    identity: ClassVar[tuple[str, ...]] = ("line",)
    title: ClassVar[str] = "Bridges"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The configuration holds this bridge line.",
        does_not_mean="That a connection was made; built-in bridges come with the program.",
        other_explanations="A censored network, a shipped default.",
        next_steps="A line that the user entered is a distinct address: ask the access provider "
        "for connections to it. Bridges that are not public have few users.",
    )

    line: str  # as configured
    transport: str | None  # obfs4, snowflake, meek_lite, webtunnel; None = plain
    address: str | None  # ip:port
    fingerprint: str | None
    source: str  # torrc, user, bridgedb, builtin, unknown
    enabled: bool | None = None

    def summary(self) -> str:
        """Transport and address."""
        return f"{self.transport or 'plain'} bridge {self.address or ''} ({self.source})".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class TorCircuit(Finding):
    """A circuit that tor reported to the program that controls it, seen in memory on disk."""

    kind: ClassVar[str] = "tor.circuit"
    identity: ClassVar[tuple[str, ...]] = ("site", "onion", "created_raw")
    title: ClassVar[str] = "Circuits in memory"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="tor built a circuit at this time; `site` is what Tor Browser had in its address "
        "bar, `onion` the service that the circuit leads to.",
        does_not_mean="Which page was seen, or that the connection was completed.",
        other_explanations="A background request, another program that uses tor and names its "
        "streams in the same way, memory of a virtual machine.",
        next_steps="Search the surrounding memory and the rest of the exhibit for the name; "
        "compare the time with the tor data directory and with execution traces.",
    )

    site: str | None  # user name of the stream: the first party in Tor Browser
    onion: str | None  # validated, ends in `.onion`
    created_raw: str  # as written, UTC
    relays: tuple[str, ...] = ()  # fingerprint and nickname, the guard first
    purpose: str | None = None  # GENERAL, HS_CLIENT_REND …
    status: str | None = None  # BUILT, EXTENDED, CLOSED …

    def summary(self) -> str:
        """Site or service, and when."""
        where = self.onion or self.site or "a place that is not told"
        return f"tor circuit for {where}, created {self.created_raw} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class TorOnionAuth(Finding):
    """A credential for a client-authorised onion service. The key itself is never shown."""

    kind: ClassVar[str] = "tor.onion-auth"
    identity: ClassVar[tuple[str, ...]] = ("onion",)
    title: ClassVar[str] = "Onion service credentials"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The key for a closed onion service was stored here, at the user's wish.",
        does_not_mean="What was done there.",
        other_explanations="A credential handed over for lawful work, for instance by a newsroom.",
        next_steps="Never use the key online. Ask who runs the service.",
    )

    onion: str  # 56 characters and `.onion`
    key_type: str  # x25519
    file_name: str

    def summary(self) -> str:
        """Address."""
        return f"stored credential for onion service {self.onion}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TorOnionService(Finding):
    """An onion service whose keys or configuration lie here."""

    kind: ClassVar[str] = "tor.onion-service"
    identity: ClassVar[tuple[str, ...]] = ("onion", "directory")
    title: ClassVar[str] = "Onion services hosted here"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The key directory or configuration of an onion service lies in this volume.",
        does_not_mean="That it was reachable, or what it offered.",
        other_explanations="Remote administration, file sharing or a chat program over onion.",
        next_steps="Preserve the key: whoever has it can run the service. Examine the web root.",
    )

    onion: str | None  # derived from the public key, else from `hostname`
    directory: str
    ports: tuple[str, ...] = ()  # `80 127.0.0.1:8080` as in torrc
    has_secret_key: bool = False
    hostname_matches: bool | None = None  # `hostname` against the key; None: one is missing
    authorized_clients: tuple[str, ...] = ()
    web_roots: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()  # other options of the service in torrc, `Name value`
    container: str | None = None  # store and name: `overlay2 3f0c…`, `volume shop`

    def summary(self) -> str:
        """Address, ports, whether the key is there."""
        key = "secret key present" if self.has_secret_key else "no secret key"
        ports = f", ports {', '.join(self.ports)}" if self.ports else ""
        return f"onion service {self.onion or '(address unknown)'}, {key}{ports}"
