"""The HTML report: one static file, put together from a bundle and from nothing else.

Everything that is printed goes through `inert` and is then escaped; only our own templates are
markup. The page may not load, send or run anything but the style and the script whose hashes stand
in its content security policy, and it links to nothing but itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import jinja2

from triage.bundle import Bundle
from triage.console.cases import CRYPTO, Cases, Matter, guidances_of
from triage.console.headlines import first_of_each
from triage.console.training import training_of
from triage.console.words import size, title_of
from triage.errors import AlteredError
from triage.findings import KINDS, Confidence, Shows
from triage.guidance import Guidance
from triage.report.activity import LANE, WIDTH, activity
from triage.report.coverage import closed, covered
from triage.report.families import rank
from triage.report.files import files, problems
from triage.report.gather import MESSAGES, Gathered, Group, gather
from triage.report.hours import by_hour
from triage.report.machines import machines
from triage.report.templating import policy_hash, rendered, templates
from triage.report.view import Conversation, Section, conversation, sections
from triage.texts import say, spoken, word

_HEADLINES_OF_A_KIND = 8
_TEMPLATES = ("report.html", "parts.html", "report.css", "report.js")


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPart:
    """Findings of one kind and account."""

    kind: str
    title: str
    count: int
    left_out: int
    sections: tuple[Section, ...]
    conversations: tuple[Conversation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """A guidance that belongs to something found. rests_on: its sources, as they are numbered."""

    anchor: str
    guidance: Guidance
    matters: tuple[Matter, ...]
    rests_on: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPart:
    """Findings of one family and account."""

    anchor: str
    account: str
    kinds: tuple[KindPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Findings of one family. `known`: its kinds that the catalogue tells the meaning of."""

    name: str
    title: str
    count: int
    accounts: tuple[AccountPart, ...]
    known: frozenset[str]


def page(bundle: Bundle) -> bytes:
    """Return the report as UTF-8: the same bytes for the same bundle.

    Raises BundleError when something that every bundle has is not there.
    """
    context = {
        **_context(bundle),
        "style_hash": policy_hash("report.css"),
        "script_hash": policy_hash("report.js"),
    }
    try:
        return rendered("report.html", context)
    except jinja2.UndefinedError as error:
        raise AlteredError(f"run.json: {error.message}") from error


def compile_templates() -> None:
    """Compile what `page` needs; they are kept."""
    for name in _TEMPLATES:
        templates().get_template(name)


def _context(bundle: Bundle) -> dict[str, Any]:
    run = bundle.run
    found = gather(bundle.findings())
    families = _families(found)
    cited = {section.place.file for section in _sections(families) if section.place.file}
    cited |= {
        place.file
        for part in _kinds(families)
        for talk in part.conversations
        for place in talk.places
        if place.file
    }
    extractors = {entry["name"]: entry["summary"] for entry in run["extractors"]}
    first = next(iter(bundle.custody()), {})
    lines = list(first_of_each(found.headlines, _HEADLINES_OF_A_KIND))
    return {
        "run": run,
        "image": run["image"],
        "training": training_of(run),
        "validation": run.get(
            "validation", {"sealed": None, "why": say("tool.validation_not_told")}
        ),
        "bundle_id": first.get("bundle"),
        "language": spoken().tag,
        "machines": machines(
            run["volumes"], found.context + found.clocks, found.by_account, found.named
        ),
        "closed": closed(found.locked),
        "coverage": covered(bundle.coverage(), extractors),
        "found": found,
        "lists": tuple(_aged(found.lists, run["started"])),
        "headlines": lines,
        "guides": tuple(_guides(found.cases, guidances_of(run))),
        "shown": {row.id for section in _sections(families) for row in section.rows},
        "families": families,
        "hidden": sum(part.left_out for part in _kinds(families)),
        "activity": activity(found.days, found.clocks),
        "hours": by_hour(found.hours),
        "lane": LANE,
        "chart_width": WIDTH,
        "files": files(bundle.files(), cited),
        "problems": problems(bundle.problems()),
        "confidence": tuple(Confidence),
        "shows": tuple(Shows),
        "size": size,
    }


def _guides(cases: Cases, guidances: Iterable[Guidance]) -> Iterator[Guide]:
    for guidance in guidances:
        if matters := cases.matters(guidance):
            yield Guide(
                anchor="now" if guidance.name == CRYPTO else guidance.name,
                guidance=guidance,
                matters=matters,
                rests_on=tuple(guidance.sources),
            )


def _aged(lists: Iterable[str], started: str) -> Iterator[tuple[str, str, int | None]]:
    """Yield name and date of indicator lists, and their age in days when the run began."""
    for text in sorted(lists):
        name, _, day = text.rpartition(" ")
        try:
            age = date.fromisoformat(started[:10]) - date.fromisoformat(day)
        except ValueError:
            yield name, day, None
        else:
            yield name, day, age.days


def _sections(families: Iterable[Family]) -> Iterable[Section]:
    return (section for part in _kinds(families) for section in part.sections)


def _kinds(families: Iterable[Family]) -> Iterable[KindPart]:
    return (kind for family in families for account in family.accounts for kind in account.kinds)


def _families(found: Gathered) -> tuple[Family, ...]:
    by_family: dict[str, list[Group]] = {}
    for group in found.groups.values():
        by_family.setdefault(group.kind.partition(".")[0], []).append(group)
    return tuple(_family(name, by_family[name]) for name in sorted(by_family, key=rank))


def _family(name: str, groups: list[Group]) -> Family:
    by_account: dict[str, list[Group]] = {}
    for group in groups:
        by_account.setdefault(group.account, []).append(group)
    # Accounts by name; what belongs to none stands last.
    accounts = sorted(by_account, key=lambda account: (account == "–", account))
    kinds = {group.kind for group in groups}
    return Family(
        name=name,
        title=word("family", name),
        count=sum(group.count for group in groups),
        accounts=tuple(
            AccountPart(
                anchor=f"{name}-{number}", account=account, kinds=_account(by_account[account])
            )
            for number, account in enumerate(accounts, 1)
        ),
        known=frozenset(kinds & KINDS.keys()),
    )


def _account(groups: list[Group]) -> tuple[KindPart, ...]:
    ranks = {kind: number for number, kind in enumerate(KINDS)}
    by_kind: dict[str, list[Group]] = {}
    for group in groups:
        by_kind.setdefault(group.kind, []).append(group)
    return tuple(
        _kind(kind, by_kind[kind])
        for kind in sorted(by_kind, key=lambda kind: (ranks.get(kind, len(ranks)), kind))
    )


def _kind(kind: str, groups: list[Group]) -> KindPart:
    talks = [
        conversation(group.thread, group.count, group.kept)
        for group in sorted(groups, key=lambda group: group.thread or ("", "", ""))
        if group.thread is not None and group.kept
    ]
    # the largest first, of equal ones the latest, then by name
    talks.sort(key=lambda talk: talk.latest, reverse=True)
    talks.sort(key=lambda talk: talk.count, reverse=True)
    records = [] if kind == MESSAGES else [r for group in groups for r in group.kept]
    return KindPart(
        kind=kind,
        title=title_of(kind),
        count=sum(group.count for group in groups),
        left_out=sum(group.left_out for group in groups),
        sections=sections(records),
        conversations=tuple(talks),
    )
