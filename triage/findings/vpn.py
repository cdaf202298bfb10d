"""VPN programs: profiles, servers, accounts; never keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation


@dataclass(frozen=True, slots=True, kw_only=True)
class VpnClient(Finding):
    """A VPN configuration or the data of a VPN program: one finding for each file read."""

    kind: ClassVar[str] = "vpn.client"
    identity: ClassVar[tuple[str, ...]] = ("application", "profile")
    title: ClassVar[str] = "VPN programs and profiles"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A VPN was set up here; log times say when it was connected or at least running.",
        does_not_mean="What was done through it. Most VPNs serve work or privacy.",
        other_explanations="An employer's VPN, a trial, a profile that came with a device.",
        next_steps="Account numbers, e-mail and payment records lead to the provider; servers "
        "and public keys to connection records.",
    )

    application: str  # openvpn, wireguard, mullvad-vpn, proton-vpn, nordvpn
    profile: str  # evidence path of the configuration or log
    version: str | None = None
    servers: tuple[str, ...] = ()  # host:port
    public_keys: tuple[str, ...] = ()  # of peers, as configured
    own_public_key: str | None = None  # computed from the secret key
    tunnel_addresses: tuple[str, ...] = ()  # own addresses inside the tunnel
    user_name: str | None = None
    device_name: str | None = None
    credentials: tuple[str, ...] = ()  # kinds that lie in the file: private key, password file …
    settings: tuple[str, ...] = ()  # `name value` that say what it was set up for
    connections: int | None = None  # that a log records
    service: str | None = None  # known provider, from server names
    indicator_list: str | None = None  # `name YYYY-MM-DD`, behind `service`

    def summary(self) -> str:
        """Program, servers, account."""
        servers = f", servers {', '.join(self.servers[:3])}" if self.servers else ""
        user = f", account {self.user_name}" if self.user_name else ""
        return f"{self.application} {self.profile}{servers}{user}"
