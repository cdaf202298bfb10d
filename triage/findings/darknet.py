"""Darknet programs other than Tor: what they leave, and who they are in their networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


@dataclass(frozen=True, slots=True, kw_only=True)
class DarknetClient(Finding):
    """A data folder or virtual machine of an anonymity program: one finding for each."""

    kind: ClassVar[str] = "darknet.client"
    identity: ClassVar[tuple[str, ...]] = ("application", "directory")
    title: ClassVar[str] = "Darknet programs"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="An anonymity program kept its data here; its times say when it was set up and "
        "last ran.",
        does_not_mean="What was visited or shared with it.",
        other_explanations="Tried once, brought along by another program, run as a public relay.",
        next_steps="Look at identities, tunnels and shared files in the same folder, and at "
        "execution traces of the operating system.",
    )

    application: (
        str  # i2p, i2pd, hyphanet, onionshare, ricochet-refresh, whonix, tails, zeronet, lokinet
    )
    directory: str
    version: str | None = None
    settings: tuple[str, ...] = ()  # `name=value` that say what it was set up for
    shared_paths: tuple[str, ...] = ()  # paths of that machine that are shared or received into
    peers: int | None = None  # nodes of the network that it knows
    network_addresses: tuple[str, ...] = ()  # host:port that it told its network
    protection_level: str | None = None  # as the program names it

    def summary(self) -> str:
        """Program, folder, version."""
        version = f" {self.version}" if self.version else ""
        return f"{self.application}{version} data in {self.directory}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DarknetIdentity(Finding):
    """An address in a darknet: one's own, a service, a contact, a key that was fetched."""

    kind: ClassVar[str] = "darknet.identity"
    identity: ClassVar[tuple[str, ...]] = ("network", "darknet_address", "role", "label")
    title: ClassVar[str] = "Addresses in darknets"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="The program's files name this address in the `role` given: `own` and `hosted` "
        "are made here, `contact`, `fetched` and `target` are those of others.",
        does_not_mean="That it was reachable, or who stands behind it.",
        other_explanations="An address book that ships with the program or is subscribed to.",
        next_steps="Never contact the address from an examiner's machine. Preserve secret keys: "
        "whoever has them can appear under the address.",
    )

    application: str
    network: str  # i2p, tor, freenet, zeronet, lokinet
    darknet_address: str | None  # None: it stands only in a key that is encrypted or unreadable
    role: str  # router, own, hosted, target, contact, fetched, inserted
    label: str | None = None  # name in the program: tunnel, nickname, file
    has_secret_key: bool | None = None
    local_target: str | None = None  # host:port or folder behind a hosted service
    state: str | None = None  # of a contact or transfer, as the program names it
    shared_paths: tuple[str, ...] = ()

    def summary(self) -> str:
        """Network, role, address."""
        label = f" “{self.label}”" if self.label else ""
        where = self.darknet_address or "(address unknown)"
        state = f", {self.state}" if self.state else ""
        return f"{self.network} {self.role} address {where}{label}{state}"
