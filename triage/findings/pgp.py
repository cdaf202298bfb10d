"""OpenPGP: keys that lie here, and messages with what they say in clear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.findings.base import Finding, Interpretation

_SHOWN = 4  # recipients that a summary names


@dataclass(frozen=True, slots=True, kw_only=True)
class PgpKey(Finding):
    """A key in a key ring, a file or a text; or a count of well-known keys in one ring.

    Signatures are not verified. A secret key itself is never shown.
    """

    kind: ClassVar[str] = "pgp.key"
    identity: ClassVar[tuple[str, ...]] = ("fingerprint", "keygrip", "store")
    title: ClassVar[str] = "OpenPGP keys"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="A key of this fingerprint is stored here. `own` rests on what `own_basis` names: "
        "a secret key, ultimate trust, a revocation certificate.",
        does_not_mean="That the name in a user id is true: anybody can write any name, and "
        "signatures are not verified here. A key is not yet an exchange of messages, unless "
        "`encrypted_to` or `signatures_seen` counts some.",
        other_explanations="Keys fetched from a key server, to verify a download, or by a mail "
        "program on its own.",
        next_steps="Compare fingerprints with those on market and forum pages. For a secret key "
        "ask for the passphrase; look for smart cards.",
    )

    fingerprint: str | None  # upper-case hexadecimal, 32 to 64 digits
    store: str  # gnupg-keybox, gnupg-keyring, gnupg-secret-key, thunderbird, armored-text …
    key_id: str | None = None  # 16 hex
    key_version: int | None = None
    user_ids: tuple[str, ...] = ()
    algorithm: str | None = None  # as GnuPG writes it: rsa4096, ed25519
    subkeys: tuple[str, ...] = ()  # `<16 hex> <algorithm>`
    # absent, present (how protected is not told), protected, unprotected, smart_card, elsewhere,
    # unknown
    secret_key: str | None = None
    own: bool | None = None  # None: not told
    own_basis: tuple[str, ...] = ()  # secret-key, ultimate-trust, revocation-certificate …
    owner_trust: str | None = None  # as the program stores it
    keygrip: str | None = None  # 40 hex; the name of the secret key's file
    card_serial: str | None = None  # of the smart card
    revoked: bool | None = None  # a revocation stands in the key; not verified
    certified_by: int | None = None  # other keys whose certifications stand in the key
    encrypted_to: int | None = None  # how often the program noted that it encrypted to the key
    signatures_seen: int | None = None  # messages signed by the key that the program checked
    well_known: tuple[str, ...] = ()  # names of keys that are counted and not listed
    indicator_list: str | None = None  # `name YYYY-MM-DD`, behind `well_known`

    def summary(self) -> str:
        """Whose, which, and whether the secret part is here."""
        if self.well_known:
            return f"{len(self.well_known)} well-known public keys, list {self.indicator_list}"
        name = f" “{self.user_ids[0]}”" if self.user_ids else ""
        secret = {
            None: "",
            "absent": "",
            "smart_card": ", secret part on a smart card",
            "elsewhere": ", secret part elsewhere",
            "unknown": ", secret block unreadable",
        }.get(self.secret_key, f", secret key {self.secret_key}")
        if self.encrypted_to or self.signatures_seen:
            secret += f", encryptions to it: {self.encrypted_to or 0}"
            secret += f", signatures checked: {self.signatures_seen or 0}"
        which = self.fingerprint or (f"keygrip {self.keygrip}" if self.keygrip else "unreadable")
        return f"OpenPGP key {which}{name}{secret}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PgpMessage(Finding):
    """An encrypted or signed message. Recipients stand in clear, as key ids."""

    kind: ClassVar[str] = "pgp.message"
    identity: ClassVar[tuple[str, ...]] = ("form", "recipient_keys", "signer_keys")
    title: ClassVar[str] = "OpenPGP messages"
    interpretation: ClassVar[Interpretation] = Interpretation(
        means="Bytes in the form of an OpenPGP message; it can be opened with a secret key of one "
        "of `recipient_keys`, or by password where `passwords` says so.",
        does_not_mean="What it says, or that it was sent. Key ids can be forged, and a signature "
        "is not verified here.",
        other_explanations="A backup made with OpenPGP, a log-in test of a web page, a package.",
        next_steps="Look for the recipients' key ids among the keys and subkeys found.",
    )

    form: str  # encrypted, signed-text
    recipient_keys: tuple[str, ...] = ()  # key ids, 16 hex, mostly of subkeys
    hidden_recipients: int = 0
    passwords: int = 0  # ways to open it by password
    signer_keys: tuple[str, ...] = ()  # key ids of signatures in clear
    armor_headers: tuple[str, ...] = ()  # `Version: …`, `Comment: …`
    application: str | None = None  # mail program whose folder holds it
    mail_sender: str | None = None  # of the mail around it
    mail_recipients: tuple[str, ...] = ()
    mail_subject: str | None = None

    def summary(self) -> str:
        """Form and recipients."""
        if self.form != "encrypted":
            signers = ", ".join(self.signer_keys[:_SHOWN]) or "an unnamed key"
            return f"signed OpenPGP text by {signers}"
        named = [*self.recipient_keys[:_SHOWN]]
        if len(self.recipient_keys) > _SHOWN:
            named.append(f"{len(self.recipient_keys) - _SHOWN} more")
        if self.hidden_recipients:
            named.append(f"{self.hidden_recipients} hidden")
        if self.passwords:
            named.append("whoever has the password")
        return f"encrypted OpenPGP message to {', '.join(named) or 'nobody named'}"
