"""What comes back from the workers, checked and put in order."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from triage.canonical import encode, jsonable
from triage.engine import messages as m
from triage.engine.accounts import Accounts
from triage.engine.coverage import Coverage, Outcome
from triage.engine.records import allocation_value, file_key, make, merge
from triage.findings import KINDS, Finding, Sensitivity
from triage.model import Entry, Volume
from triage.profile import Scope
from triage.registry import Registered

_FAILURES = frozenset({"limit", "not_parsed", "unreadable", "out_of_memory", "extractor_error"})
_NOT_REPEATABLE = frozenset({"worker_hung", "out_of_memory"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One artifact that one extractor asked for."""

    registered: Registered
    volume: int
    row: int
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A finding that passed the check, and the match it came from; None: the engine's own."""

    finding: Finding
    match: Match | None
    volume: Volume


@dataclass(slots=True, kw_only=True)
class FileFact:
    """One evidence file that was read."""

    volume: int
    row: int
    record: dict[str, Any]
    cited: bool = False  # a finding rests on it
    secret: bool = False  # it holds something that must not leave in clear


@dataclass(slots=True, kw_only=True)
class Results:
    """Everything one run has learnt so far."""

    volumes: tuple[Volume, ...]
    coverage: Coverage = field(default_factory=Coverage)
    statements: list[Statement] = field(default_factory=list)
    problems: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, FileFact] = field(default_factory=dict)
    secrets: list[dict[str, Any]] = field(default_factory=list)
    not_repeatable: set[str] = field(default_factory=set)

    def problem(
        self,
        code: str,
        text: str,
        *,
        volume: str | None = None,
        path: str | None = None,
        address: str | None = None,
        extractor: str | None = None,
        locator: str | None = None,
    ) -> None:
        """Record a problem in our own codes, once however often it is met."""
        value = jsonable(
            {
                "code": code,
                "text": text,
                "volume": volume,
                "path": path,
                "address": address,
                "extractor": extractor,
                "locator": locator,
            }
        )
        assert isinstance(value, dict)  # noqa: S101 - a dict goes in
        self.problems[encode(value)] = value

    def failed(self, match: Match, code: str, text: str, locator: str | None = None) -> None:
        """Note that an artifact that was asked for could not be examined."""
        entry, name = match.entry, match.registered.extractor.name
        volume = self.volumes[match.volume].name
        self.problem(
            code,
            text,
            volume=volume,
            path=entry.path,
            address=entry.address,
            extractor=name,
            locator=locator,
        )
        self.coverage.add(
            "artifact",
            Outcome.NOT_EXAMINED,
            reason=code,
            counts=entry.allocation.allocated,
            volume=volume,
            path=entry.path,
            address=entry.address,
            extractor=name,
        )
        if code in _NOT_REPEATABLE:
            self.not_repeatable.add(f"{volume}{entry.path}: {code}")

    def take(self, match: Match, replies: list[m.AnyReply], failure: m.Failed | None) -> None:
        """Take the outcome of one extraction."""
        extractor = match.registered.extractor
        found = 0
        secret = extractor.holds_secret
        for reply in replies:
            if isinstance(reply, m.Found):
                finding = self._checked(match, reply)
                if finding is not None:
                    found += 1
                    secret |= finding.sensitivity is Sensitivity.SECRET
                    self.statements.append(
                        Statement(finding=finding, match=match, volume=self.volumes[match.volume])
                    )
        for reply in replies:
            if isinstance(reply, m.FileRead):
                self._file(match, reply, cited=found > 0, secret=secret)
            elif isinstance(reply, m.Trouble) and reply.code in _FAILURES:
                self.failed(match, reply.code, reply.text, reply.locator)
            elif isinstance(reply, m.Trouble):
                self.problem(
                    "noted",
                    reply.text,
                    volume=self.volumes[match.volume].name,
                    path=match.entry.path,
                    address=match.entry.address,
                    extractor=extractor.name,
                    locator=reply.locator,
                )
        if failure is not None:
            self.failed(match, failure.code, failure.text)

    def _checked(self, match: Match, reply: m.Found) -> Finding | None:
        """Return the finding if it is what its extractor may yield and its kind allows."""
        kind = KINDS.get(reply.kind)
        extractor = match.registered.extractor
        if kind is None or kind not in extractor.yields:
            self.failed(match, "extractor_lied", "a kind that the extractor does not declare")
            return None
        try:
            return msgspec.convert(reply.finding, kind)
        except (msgspec.ValidationError, TypeError, ValueError):
            self.failed(match, "extractor_lied", "a finding that does not fit its kind")
            return None

    def _file(self, match: Match, reply: m.FileRead, *, cited: bool, secret: bool) -> None:
        volume = self.volumes[match.volume]
        entry = reply.entry
        key = file_key(volume.name, entry)
        known = self.files.get(key)
        if known is None:
            known = self.files[key] = FileFact(
                volume=match.volume,
                row=reply.row,
                record={
                    "key": key,
                    "volume": volume.name,
                    "within": None,
                    "path": entry.path,
                    "address": entry.address,
                    "allocation": allocation_value(entry.allocation),
                    "size": entry.size,
                    "hashes": reply.hashes,
                    "times": {**asdict(entry.times)},
                    "byte_runs": [asdict(run) for run in reply.runs],
                    "read": reply.read,
                    "exported": None,
                },
            )
            if reply.read in ("short", "bad_chunk"):
                self.problem(
                    f"content_{reply.read}",
                    "the content was not read whole and sound",
                    volume=volume.name,
                    path=entry.path,
                    address=entry.address,
                )
        known.cited |= cited
        # What lies beside a file with a secret (its -wal, its key file) is treated like it.
        beside = entry.path.rpartition("/")[0] == match.entry.path.rpartition("/")[0]
        known.secret |= reply.secret or (secret and beside)

    def scoped(self, scope: Scope, accounts: Accounts) -> None:
        """Drop statements outside the scope; what is left out is coverage."""
        kept: list[Statement] = []
        left_out: dict[str, int] = {}
        for statement in self.statements:
            if statement.finding.context or statement.match is None:
                kept.append(statement)
                continue
            if _in_scope(statement, scope, accounts):
                kept.append(statement)
            else:
                kind = statement.finding.kind
                left_out[kind] = left_out.get(kind, 0) + 1
        self.statements = kept
        for kind, count in left_out.items():
            self.coverage.add("finding", Outcome.OUT_OF_SCOPE, kind=kind, count=count)

    def records(self, accounts: Accounts) -> list[dict[str, Any]]:
        """Return the records, merged and sorted; secrets go to their own list."""
        records = []
        for statement in self.statements:
            match = statement.match
            record = make(
                statement.finding,
                registered=match.registered if match else None,
                volume=statement.volume,
                entry=match.entry if match else None,
                account=accounts.of(statement.volume.name, match.entry.path) if match else None,
            )
            records.append(record)
            if statement.finding.secret is not None:
                self.secrets.append({"finding": record["id"], "secret": statement.finding.secret})
        return merge(records)


def _in_scope(statement: Statement, scope: Scope, accounts: Accounts) -> bool:
    if scope.accounts:
        assert statement.match is not None  # noqa: S101 - the caller kept the others
        account = accounts.of(statement.volume.name, statement.match.entry.path)
        wanted = {name.casefold() for name in scope.accounts}
        if account is None or not wanted & {account.name.casefold(), (account.id or "").casefold()}:
            return False
    if scope.not_before or scope.not_after:
        dated = [time.utc for time in statement.finding.times if time.utc]
        if dated and not any(
            (scope.not_before or "") <= utc <= (scope.not_after or "9999") for utc in dated
        ):
            return False
    return True
