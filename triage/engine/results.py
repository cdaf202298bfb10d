"""What comes back from the workers, checked and put in order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgspec

from triage.canonical import encode, jsonable
from triage.engine import messages as m
from triage.engine.accounts import Account, Accounts
from triage.engine.coverage import Coverage, Outcome
from triage.engine.journal import Extraction, Key, ReadFile
from triage.engine.records import Records, allocation_value, file_key, make, merge, within_of
from triage.engine.wire import pack, to_text, unpack
from triage.errors import TriageError
from triage.findings import KINDS, Finding, Sensitivity
from triage.hashing import MEDIA_ALGORITHMS
from triage.model import ByteRun, Entry, Volume
from triage.profile import Scope
from triage.redaction import redact, redact_value
from triage.registry import Registered

TEXT_LIMIT = 10_000
"""Characters of a problem's text; a longer one is left out as a whole: half a secret would stay."""

_LONGEST = 1 << 21  # characters of one finding as a message
_DIGEST = re.compile("([0-9a-f]{32})|([0-9a-f]{40})|([0-9a-f]{64})")
_MIME = re.compile(r"[A-Za-z0-9.+-]{1,40}/[A-Za-z0-9.+-]{1,100}")
_CODE = re.compile("[a-z_]{1,40}")
SCAN = "engine.scan"
"""Who found it, where the content scan did."""

BAD = "bad_chunk"
"""How a file was read, and the check of a finding that rests on it: a checksum did not fit."""

_FAILURES = frozenset(
    {"limit", "not_parsed", "unreadable", "out_of_memory", "extractor_error", "extractor_lied"}
)
_NOT_REPEATABLE = frozenset({"worker_hung", "out_of_memory"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One artifact that one extractor asked for."""

    registered: Registered
    volume: int
    row: int
    entry: Entry
    by_content: bool = False  # its path says nothing
    repeated: bool = False  # in a snapshot as in the live volume, tried again with what lies there

    @property
    def key(self) -> Key:
        """What the journal knows it by."""
        return self.registered.extractor.name, self.volume, self.row


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Where a scan saw something: which file, if any, and which bytes."""

    entry: Entry | None
    allocation: str | None  # of bytes outside of the content of files
    runs: tuple[ByteRun, ...]
    member: tuple[str, ...] = ()  # names that lead into an archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A finding that passed the check, and the match it came from; None: the engine's own.

    Findings are many: it stands packed, a tenth of its size.
    """

    kind: type[Finding]
    packed: bytes = field(repr=False)
    match: Match | None
    volume: Volume
    seen: Seen | None = None

    @property
    def entry(self) -> Entry | None:
        """The file that it is about, if it is about one."""
        if self.match is not None:
            return self.match.entry
        return self.seen.entry if self.seen is not None else None

    @classmethod
    def of(
        cls,
        finding: Finding,
        *,
        match: Match | None = None,
        volume: Volume,
        seen: Seen | None = None,
    ) -> Statement:
        """Pack a finding."""
        said = m.Found(kind=finding.kind, finding=msgspec.to_builtins(finding))
        return cls(kind=type(finding), packed=pack(said), match=match, volume=volume, seen=seen)

    @property
    def finding(self) -> Finding:
        """What was found, unpacked each time."""
        finding: Finding = msgspec.convert(unpack(m.Found, self.packed).finding, self.kind)
        return finding


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
    bad_ranges: set[tuple[int, int]] = field(default_factory=set)  # checksums that did not fit

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
        if match.repeated:  # the live volume has the same artifact, and the same note
            return
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

    def checked(
        self, match: Match, replies: Iterable[m.AnyReply], failure: m.Failed | None
    ) -> Extraction:
        """Return what a worker said about one artifact as far as it may be believed, redacted.

        Nothing in it stands in clear but `secret`, which nobody gets but the recipient.
        """
        done = Extraction(failure=_clean_failure(failure))
        secret = match.registered.extractor.holds_secret
        read: list[m.FileRead] = []
        for reply in replies:
            if isinstance(reply, m.Found):
                answer = checked_finding(match.registered.extractor.yields, reply)
                done.replies.append(answer)
                if isinstance(answer, m.Found):
                    secret |= answer.finding["sensitivity"] == Sensitivity.SECRET
            elif isinstance(reply, m.Trouble):
                done.replies.append(_clean_trouble(reply))
            elif isinstance(reply, m.FileRead):
                read.append(reply)
        for file in read:
            # What lies beside a file with a secret (its -wal, its key file) is treated like it.
            beside = _folder(file.entry.path) == _folder(match.entry.path)
            done.files.append(
                ReadFile(
                    row=file.row,
                    secret=file.secret or (secret and beside),
                    record=file_record(self.volumes[match.volume], file),
                )
            )
        return done

    def take(self, match: Match, done: Extraction) -> None:
        """Take the outcome of one extraction, fresh or from the journal: the same either way."""
        volume = self.volumes[match.volume]
        bad = any(file.row == match.row and file.record["read"] == BAD for file in done.files)
        found = 0
        for reply in done.replies:
            if isinstance(reply, m.Found):
                finding: Finding = msgspec.convert(reply.finding, KINDS[reply.kind])
                if bad:
                    finding = replace(finding, checks=(*finding.checks, BAD))
                found += 1
                self.statements.append(Statement.of(finding, match=match, volume=volume))
            elif not isinstance(reply, m.Trouble):
                continue  # of a scan, which notes its parts elsewhere
            elif reply.code in _FAILURES:
                self.failed(match, reply.code, reply.text, reply.locator)
            else:
                self.problem(
                    "noted",
                    reply.text,
                    volume=volume.name,
                    path=match.entry.path,
                    address=match.entry.address,
                    extractor=match.registered.extractor.name,
                    locator=reply.locator,
                )
        for file in done.files:
            self.file(match.volume, file, cited=found > 0)
        if done.failure is not None:
            self.failed(match, done.failure.code, done.failure.text)

    def file(self, volume: int, file: ReadFile, *, cited: bool) -> None:
        """Take a file that was read; `cited`: it is to be exported."""
        record = file.record
        known = self.files.get(record["key"])
        if known is None:
            known = self.files[record["key"]] = FileFact(volume=volume, row=file.row, record=record)
            if record["read"] in (BAD, "short"):
                reason = f"content_{record['read']}"
                about = {name: record[name] for name in ("volume", "path", "address")}
                self.problem(reason, "the content was not read whole and sound", **about)
                self.coverage.add(
                    "file",
                    Outcome.NOT_EXAMINED,
                    reason=reason,
                    counts=_allocated(record),
                    **about,
                )
        known.cited |= cited
        known.secret |= file.secret

    def scoped(self, scope: Scope, accounts: Accounts) -> None:
        """Drop statements outside the scope; what is left out is coverage."""
        kept: list[Statement] = []
        left_out: dict[str, int] = {}
        for statement in self.statements:
            if statement.kind.context or statement.entry is None:
                kept.append(statement)
                continue
            if _in_scope(statement, scope, accounts):
                kept.append(statement)
            else:
                kind = statement.kind.kind
                left_out[kind] = left_out.get(kind, 0) + 1
        self.statements = kept
        for kind, count in left_out.items():
            self.coverage.add("finding", Outcome.OUT_OF_SCOPE, kind=kind, count=count)

    def records(self, accounts: Accounts) -> Records:
        """Return the records, merged and sorted; secrets go to their own list.

        The statements are used up: findings are many, and are not kept in two forms.
        """
        return merge(self._records(accounts), self.volumes)

    def _records(self, accounts: Accounts) -> Iterator[dict[str, Any]]:
        self.statements.reverse()
        while self.statements:
            statement = self.statements.pop()
            match, entry = statement.match, statement.entry
            finding = statement.finding
            record = make(
                finding,
                registered=match.registered if match else None,
                volume=statement.volume,
                entry=entry,
                found_by=_found_by(statement),
                account=_account(statement, accounts),
                **_seen(statement.seen),
            )
            if finding.secret is not None:
                self.secrets.append({"finding": record["id"], "secret": finding.secret})
            yield record


def _seen(seen: Seen | None) -> dict[str, Any]:
    if seen is None:
        return {}
    return {
        "runs": seen.runs,
        "allocation": seen.allocation,
        "member": seen.member,
        "engine": SCAN,
    }


def _found_by(statement: Statement) -> str | None:
    if statement.seen is not None:
        return "content" if statement.entry is not None else None
    if statement.match is None:
        return None
    return "content" if statement.match.by_content else "path"


def checked_finding(allowed: Collection[type[Finding]], reply: m.Found) -> m.Found | m.Trouble:
    """Return a finding that may be yielded and that its kind allows, redacted; or why not."""
    kind = KINDS.get(reply.kind)
    if kind is None or kind not in allowed:
        return _lie("a kind that the extractor does not declare")
    value = dict(reply.finding)
    secret = value.pop("secret", None)
    try:
        finding = msgspec.convert(redact_value(value), kind)
        jsonable([finding, finding.summary()])
        clean = m.Found(kind=reply.kind, finding=msgspec.to_builtins(finding))
        if len(to_text(clean)) > _LONGEST:
            return m.Trouble(code="limit", text="a finding longer than a bundle takes")
        clean.finding["secret"] = secret if isinstance(secret, str) else None
    except (msgspec.MsgspecError, TriageError):
        return _lie("a finding that does not fit its kind")
    except Exception as error:  # noqa: BLE001 - the words of a kind about values it never expected
        return _lie(f"a finding that its kind has no words for: {type(error).__name__}")
    return clean


def _lie(text: str) -> m.Trouble:
    return m.Trouble(code="extractor_lied", text=text)


def _clean_trouble(reply: m.Trouble) -> m.Trouble:
    locator = None if reply.locator is None else _short(reply.locator)
    return m.Trouble(code=word(reply.code), text=_short(reply.text), locator=locator)


def _clean_failure(failure: m.Failed | None) -> m.Failed | None:
    return failure and m.Failed(code=word(failure.code), text=_short(failure.text))


def word(code: str) -> str:
    """Return a code if it is one that we could have written."""
    return code if _CODE.fullmatch(code) else "worker_lied"


def _short(text: str) -> str:
    return redact(text if len(text) <= TEXT_LIMIT else f"a text of {len(text)} characters")


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def file_record(volume: Volume, reply: m.FileRead) -> dict[str, Any]:
    """Return what files.jsonl says about a file that a worker read, redacted."""
    entry = reply.entry
    record: Any = jsonable(
        redact_value(
            {
                "key": file_key(volume.name, entry),
                "volume": volume.name,
                "within": within_of(volume),
                "path": entry.path,
                "address": entry.address,
                "allocation": allocation_value(entry.allocation),
                "size": entry.size,
                "type": reply.mime if _MIME.fullmatch(reply.mime or "") else None,
                "hashes": {
                    name: reply.hashes[name]
                    for name in MEDIA_ALGORITHMS
                    if _DIGEST.fullmatch(reply.hashes.get(name, ""))
                },
                "times": asdict(entry.times),
                "byte_runs": [asdict(run) for run in reply.runs],
                "read": reply.read,
                "exported": None,
            }
        )
    )
    result: dict[str, Any] = record
    return result


def _allocated(record: dict[str, Any]) -> bool:
    allocation = record["allocation"]
    return bool(allocation["name"] == allocation["metadata"] == "allocated")


def _account(statement: Statement, accounts: Accounts) -> Account | None:
    entry = statement.entry
    if entry is None:
        return None
    named = statement.finding.belongs_to
    return accounts.of(statement.volume.name, entry.path, named=named)


def _in_scope(statement: Statement, scope: Scope, accounts: Accounts) -> bool:
    if scope.accounts:
        account = _account(statement, accounts)
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
