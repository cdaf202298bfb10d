"""What came of verifying a bundle, in values for programs and words for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from triage.bundle.bag import single_line
from triage.bundle.keys import TrustedKey
from triage.bundle.seal import Seal
from triage.bundle.stamp import Stamp
from triage.errors import ExitCode

_DEMANDS = {"signed", "trust"}  # checks that say who made a bundle, not whether it is intact


class Outcome(StrEnum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    NOT_DONE = "not-done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: a stable name, what came of it, and a sentence for people."""

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All checks of one bundle and what they add up to.

    `intact`: sealed and consistent, whoever made it. `incomplete`: the run in it was. `exit_code`
    also counts what was demanded: a signature, a trusted one. `verdict` and `origin` are sentences
    for people; `origin` says what shows who made the bundle, or that nothing does. `seal_code` is
    that of the bundle, `latest_seal_code` that of the last custody event after it. Without a
    readable seal the last four are None.
    """

    checks: tuple[Check, ...]
    intact: bool
    incomplete: bool
    exit_code: ExitCode
    verdict: str
    origin: str
    bundle_id: str | None
    seal_code: str | None
    latest_seal_code: str | None
    seal: Seal | None


def conclude(
    checks: Sequence[Check],
    *,
    seal: Seal | None,
    later: Sequence[Seal],
    signers: Sequence[str],
    trusted: TrustedKey | None,
    anchored: bool,
    stamped: Stamp | None,
) -> Verification:
    """Add up the checks.

    `anchored`: a seal code that was kept elsewhere fits. `stamped`: a time stamp that was verified.
    """
    failed = {check.name for check in checks if check.outcome is Outcome.FAIL}
    intact = not failed - _DEMANDS
    incomplete = seal is not None and seal.predicate.get("incomplete") is True
    code = ExitCode.INCOMPLETE if incomplete else ExitCode.OK
    return Verification(
        checks=tuple(checks),
        intact=intact,
        incomplete=incomplete,
        exit_code=ExitCode.MISMATCH if failed else code,
        verdict=_verdict(failed, intact=intact, incomplete=incomplete),
        origin=_origin(signers, trusted, intact=intact, anchored=anchored, stamped=stamped),
        bundle_id=str(seal.predicate.get("bundle")) if seal else None,
        seal_code=seal.code if seal else None,
        latest_seal_code=later[-1].code if later else None,
        seal=seal,
    )


def _verdict(failed: set[str], *, intact: bool, incomplete: bool) -> str:
    if not intact:
        return "ALTERED, or never sealed like this."
    run = " The run in it was incomplete." if incomplete else ""
    if failed:
        return f"Intact, but what was demanded of its signature is not there.{run}"
    return f"Intact: sealed, and consistent with its seal.{run}"


def _origin(
    signers: Sequence[str],
    trusted: TrustedKey | None,
    *,
    intact: bool,
    anchored: bool,
    stamped: Stamp | None,
) -> str:
    if not intact:
        return "Nothing is said about who made an altered bundle."
    sentences = []
    if trusted:
        sentences.append(
            f"Signed by {single_line(trusted.identity)}, a trusted key ({trusted.fingerprint}); "
            "when, is the signer's own claim."
        )
    if anchored:
        sentences.append("This is the bundle whose seal code was given.")
    if stamped:
        sentences.append(
            f"It existed at {stamped.time:%Y-%m-%d %H:%M:%S} UTC, by the time stamp of "
            f"{single_line(stamped.authority)}; that does not show who made it."
        )
    if sentences:
        return " ".join(sentences)
    signed = f"It is signed with {', '.join(signers)}, a key that nobody vouched for. "
    return (signed if signers else "It is not signed. ") + (
        "Without a trusted signature, a seal code or a checked time stamp this cannot show who "
        "made the bundle: anyone could have made it anew."
    )
