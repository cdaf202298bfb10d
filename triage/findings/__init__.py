"""The typed vocabulary: every kind of finding, under the name that records carry."""

from __future__ import annotations

from triage.findings.base import (
    Confidence,
    Finding,
    Interpretation,
    Protection,
    RowState,
    Sensitivity,
    Shows,
    Time,
    Unit,
    Zone,
)
from triage.findings.chat import (
    ChatAccount,
    ChatAttachment,
    ChatContact,
    ChatExport,
    ChatGroup,
    ChatMessage,
    ChatProfile,
)
from triage.findings.darknet import DarknetClient, DarknetIdentity
from triage.findings.indicator import IndicatorI2p, IndicatorOnion
from triage.findings.mail import MailAccount, MailRemailerClient, MailRemailerMessage
from triage.findings.pgp import PgpKey, PgpMessage
from triage.findings.system import EncryptionVolume, SystemAccount, SystemOs, SystemTimezone
from triage.findings.tor import (
    TorBridge,
    TorCircuit,
    TorClient,
    TorGuard,
    TorOnionAuth,
    TorOnionService,
)
from triage.findings.vpn import VpnClient
from triage.findings.wallet import (
    WalletAddress,
    WalletFile,
    WalletSecret,
    WalletTransaction,
    WalletXpub,
)
from triage.findings.web import (
    WebBookmark,
    WebBrowser,
    WebDownload,
    WebInput,
    WebSite,
    WebTab,
    WebVisit,
)

KINDS: dict[str, type[Finding]] = {
    kind.kind: kind
    for kind in (
        SystemOs,
        SystemAccount,
        SystemTimezone,
        TorClient,
        TorGuard,
        TorBridge,
        TorCircuit,
        TorOnionAuth,
        TorOnionService,
        WebBrowser,
        WebVisit,
        WebBookmark,
        WebDownload,
        WebTab,
        WebSite,
        WebInput,
        DarknetClient,
        DarknetIdentity,
        VpnClient,
        MailAccount,
        MailRemailerClient,
        MailRemailerMessage,
        PgpKey,
        PgpMessage,
        ChatProfile,
        ChatAccount,
        ChatContact,
        ChatGroup,
        ChatMessage,
        ChatAttachment,
        ChatExport,
        WalletFile,
        WalletAddress,
        WalletXpub,
        WalletTransaction,
        WalletSecret,
        EncryptionVolume,
        IndicatorOnion,
        IndicatorI2p,
    )
}
"""Record kind → class, in the order that reports show them."""

__all__ = [
    "KINDS",
    "ChatAccount",
    "ChatAttachment",
    "ChatContact",
    "ChatExport",
    "ChatGroup",
    "ChatMessage",
    "ChatProfile",
    "Confidence",
    "DarknetClient",
    "DarknetIdentity",
    "EncryptionVolume",
    "Finding",
    "IndicatorI2p",
    "IndicatorOnion",
    "Interpretation",
    "MailAccount",
    "MailRemailerClient",
    "MailRemailerMessage",
    "PgpKey",
    "PgpMessage",
    "Protection",
    "RowState",
    "Sensitivity",
    "Shows",
    "SystemAccount",
    "SystemOs",
    "SystemTimezone",
    "Time",
    "TorBridge",
    "TorCircuit",
    "TorClient",
    "TorGuard",
    "TorOnionAuth",
    "TorOnionService",
    "Unit",
    "VpnClient",
    "WalletAddress",
    "WalletFile",
    "WalletSecret",
    "WalletTransaction",
    "WalletXpub",
    "WebBookmark",
    "WebBrowser",
    "WebDownload",
    "WebInput",
    "WebSite",
    "WebTab",
    "WebVisit",
    "Zone",
]
