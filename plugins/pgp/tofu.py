"""GnuPG's record of use: to whom it encrypted and whose signatures it checked, and when.

Written from GnuPG's `g10/tofu.c` for the databases of version 2.1.10 to 2.4 and compared with one
that GnuPG 2.4.7 wrote. The database is there only where the trust model `tofu` or `tofu+pgp` is
set, which is not the default; then each encryption to a key is noted with its time.
Not read: the digests of messages, conflicts between keys of one address.
References: https://www.gnupg.org/documentation/manuals/gnupg/GPG-Configuration-Options.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    PgpKey,
    RowState,
    Shows,
    SqliteSchema,
    Time,
    Unit,
    extractor,
)
from triage.formats.sqlite import Database, Value
from triage.formats.stamps import stamp

_TABLES = {
    "bindings": frozenset({"oid", "fingerprint", "email", "user_id", "time", "policy"}),
    "signatures": frozenset({"binding", "sig_time", "time"}),
    "encryptions": frozenset({"binding", "time"}),
}
_POLICIES = {1: "auto", 2: "good", 3: "unknown", 4: "bad", 5: "ask"}
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


@extractor(
    name="pgp.gnupg.tofu",
    paths=(
        # GnuPG 2.1.10 and later, any system
        "**/tofu.db",
    ),
    content=(SqliteSchema(_TABLES),),
    yields=(PgpKey,),
)
def tofu(artifact: Artifact) -> Iterator[PgpKey]:
    """List keys that were encrypted to or whose signatures were checked, and how often."""
    with artifact.sqlite() as database:
        if not database.has(_TABLES):
            return
        encrypted = _spans(database, "encryptions")
        checked = _spans(database, "signatures")
        columns = ("oid", "fingerprint", "user_id", "time", "policy")
        for row in database.rows("bindings", columns):
            value = row.values
            printed = str(value["fingerprint"] or "").upper()
            if not _FINGERPRINT.fullmatch(printed):
                artifact.problem("a binding without a fingerprint", locator=f"row {row.key!r}")
                continue
            binding, name, policy = value["oid"], value["user_id"], value["policy"]
            to, seen = encrypted.get(binding), checked.get(binding)
            yield PgpKey(
                fingerprint=printed,
                store="gnupg-tofu",
                key_id=printed[-16:] if len(printed) == 40 else printed[:16],  # noqa: PLR2004
                user_ids=(name[:500],) if isinstance(name, str) and name else (),
                owner_trust=_POLICIES.get(policy) if isinstance(policy, int) else None,
                encrypted_to=to[0] if to else 0,
                signatures_seen=seen[0] if seen else 0,
                shows=Shows.DESTINATION if to else Shows.USED if seen else Shows.PRESENT,
                confidence=Confidence.PROBABLE,
                locator=f"binding {binding!r}",
                row=RowState(row.state.value),
                times=(
                    *stamp("first_seen", value["time"], Unit.S_UNIX),
                    *_ends("encrypted", to),
                    *_ends("signature_checked", seen),
                ),
            )
        for problem in database.problems:
            artifact.problem(problem)


def _spans(database: Database, table: str) -> dict[Value, tuple[int, int, int]]:
    """Return, by binding, how many rows there are, the earliest and the latest time, s."""
    found: dict[Value, tuple[int, int, int]] = {}
    for row in database.rows(table, ("binding", "time")):
        binding, when = row.values["binding"], row.values["time"]
        if not isinstance(when, int):
            continue
        count, first, last = found.get(binding, (0, when, when))
        found[binding] = (count + 1, min(first, when), max(last, when))
    return found


def _ends(event: str, span: tuple[int, int, int] | None) -> tuple[Time, ...]:
    if span is None:
        return ()
    count, first, last = span
    later = stamp(f"last_{event}", last, Unit.S_UNIX) if count > 1 else ()
    return (*stamp(f"first_{event}", first, Unit.S_UNIX), *later)
