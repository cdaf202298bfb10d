"""Whether what the examiner brought was found: an answer for each keyword, rule and list."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from triage.engine.results import Results
from triage.engine.scan.outcome import Outcomes, answer, missed
from triage.engine.scan.tally import Tally
from triage.engine.terms import Terms
from triage.findings import IndicatorHash, IndicatorKeyword, IndicatorYara

CHECKED: Final = "check_files"
"""Name in coverage of the step that hashes files and asks rules about them."""

CHECKED_SPACE: Final = "check_space"
"""Name of the one that asks rules about what lies outside of files."""


def cover(results: Results, terms: Terms, outcomes: Outcomes, tally: Tally) -> None:
    """Add the answers to the coverage."""
    reasons = [outcome.unfinished for outcome in outcomes.volumes.values()]
    unfinished = next(filter(None, [*reasons, outcomes.space_unfinished]), None)
    found = _found(tally)
    for word in terms.keywords:
        count = found[IndicatorKeyword.kind, word]
        answer(results, IndicatorKeyword.kind, count, unfinished, keyword=word)
    if terms.digests:
        count = found[IndicatorHash.kind, ""]
        entries = sum(map(len, terms.digests.values()))
        answer(results, IndicatorHash.kind, count, unfinished, entries=entries)
    if terms.rules is not None:
        rules = {what: n for (kind, what), n in found.items() if kind == IndicatorYara.kind}
        for rule, count in rules.items():
            answer(results, IndicatorYara.kind, count, unfinished, rule=rule)
        if not rules:
            answer(results, IndicatorYara.kind, 0, unfinished)
    for number, outcome in outcomes.volumes.items():
        _unchecked(results, CHECKED, outcome.unchecked, volume=results.volumes[number].name)
    _unchecked(results, CHECKED_SPACE, outcomes.space_unchecked)


def _unchecked(results: Results, step: str, reasons: Counter[str], **about: Any) -> None:
    """Say what was not checked: what lies in no file and cannot be read counts with the scan."""
    for reason, count in (+reasons).items():
        counts = step == CHECKED or reason != "unreadable"
        missed(results, step, reason, counts=counts, **about, count=count)
        if reason == "rules_too_slow":
            results.not_repeatable.add(": ".join([*about.values(), step, reason]))


def _found(tally: Tally) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for _, known in tally.places():
        for told in known:
            finding = told.finding
            if isinstance(finding, IndicatorKeyword):
                found[finding.kind, finding.keyword] += told.count
            elif isinstance(finding, IndicatorYara):
                found[finding.kind, finding.rule] += 1
            elif isinstance(finding, IndicatorHash):
                found[finding.kind, ""] += 1
    return found
