"""Thunderbird's own OpenPGP store: two key rings and the decisions about keys.

Written from comm-central (`mail/extensions/openpgp/content/modules/{RNP,sqliteDb}.sys.mjs`) for
Thunderbird 78 and later on Windows, Linux and macOS, and its kin (SeaMonkey, Betterbird); tested
with rings that GnuPG exported, which have the same packets. The secret ring is protected by a
password that Thunderbird makes itself and keeps, encrypted by its own key store, in
`encrypted-openpgp-passphrase.txt`. Not read: that file, `key4.db`, keys in Enigmail's GnuPG home.
References: https://support.mozilla.org/kb/openpgp-thunderbird-howto-and-faq, RFC 4880.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triage.api import Artifact, ParseError, PgpKey, Protection, extractor
from triage.formats.openpgp import packets
from triage.formats.openpgp_keys import Certificate, certificates

from ._keyring import Context, findings, located
from ._places import is_mozilla

_DECISIONS = frozenset({"personal", "verified", "unverified", "undecided", "rejected"})
_MAX_DECISIONS = 100_000


@extractor(
    name="pgp.thunderbird.public-keys",
    paths=(
        # Thunderbird 78 and later, any desktop: in the profile, beside prefs.js
        "**/Profiles/*/pubring.gpg",
        "**/.thunderbird/*/pubring.gpg",
        # Snap and Flatpak keep the same folders deeper; the profile may lie anywhere
        "**/pubring.gpg",
    ),
    yields=(PgpKey,),
)
def public_keys(artifact: Artifact) -> Iterator[PgpKey]:
    """Read Thunderbird's public keys and what was decided about each."""
    if not is_mozilla(artifact):
        return
    context = Context(
        store="thunderbird",
        trust=_decisions(artifact),
        own_trust=frozenset({"personal"}),
        own_secret=_secret_ring(artifact),
    )
    found = located(certificates(packets(artifact.read())))
    yield from findings(artifact, found, context)


@extractor(
    name="pgp.thunderbird.secret-keys",
    paths=(
        # Thunderbird 78 and later, any desktop
        "**/Profiles/*/secring.gpg",
        "**/.thunderbird/*/secring.gpg",
        "**/secring.gpg",
    ),
    yields=(PgpKey,),
    holds_secret=True,
)
def secret_keys(artifact: Artifact) -> Iterator[PgpKey]:
    """Read Thunderbird's secret keys: whose, and how each is protected."""
    if not is_mozilla(artifact):
        return
    context = Context(
        store="thunderbird", trust=_decisions(artifact), own_trust=frozenset({"personal"})
    )
    on_image = artifact.sibling("encrypted-openpgp-passphrase.txt") and artifact.sibling("key4.db")
    found = located(certificates(packets(artifact.read())))
    for finding in findings(artifact, found, context):
        if finding.secret_key == "protected" and on_image:  # noqa: S105 - the name of a state
            yield replace(finding, protection=Protection.KEY_ON_IMAGE)
        else:
            yield finding


def _secret_ring(artifact: Artifact) -> frozenset[str]:
    """Return the fingerprints of the secret ring beside, as far as it can be read."""
    ring = artifact.sibling("secring.gpg")
    prints: set[str] = set()
    if ring is not None:
        try:
            for item in certificates(packets(ring.read())):
                if isinstance(item, Certificate):
                    prints.add(item.key.fingerprint)
        except ParseError:
            pass  # said by the reader of that ring
    return frozenset(prints)


def _decisions(artifact: Artifact) -> dict[str, str]:
    """Return what was decided about keys, by fingerprint; nothing when there is no database."""
    database = artifact.sibling("openpgp.sqlite")
    if database is None:
        return {}
    decided: dict[str, str] = {}
    try:
        with database.sqlite() as opened:
            for row in opened.select("SELECT fpr, decision FROM acceptance_decision"):
                fingerprint, decision = row["fpr"], row["decision"]
                if isinstance(fingerprint, str) and decision in _DECISIONS:
                    decided[fingerprint.upper()] = str(decision)
                if len(decided) >= _MAX_DECISIONS:
                    break
    except ParseError as error:
        artifact.problem(error.message, locator=database.path)
    return decided
