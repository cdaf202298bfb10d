"""One run of one image: open, walk, extract in two rounds, write, hash, seal.

This is the only place that knows the whole line. Each step leaves its outcome in `Results`; what a
step could not do is coverage, never silence.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

import triage
from triage.artifact import Fact
from triage.bundle import Bundle, BundleWriter, parse_recipient
from triage.custody import system_clock, utc_text
from triage.engine import messages as m
from triage.engine.accounts import Accounts
from triage.engine.coverage import Outcome
from triage.engine.environment import environment
from triage.engine.export import export
from triage.engine.mediahash import MediaHash
from triage.engine.options import Observer, Options, Record, Reporter, RunResult
from triage.engine.pool import Pool, Task
from triage.engine.results import Match, Results
from triage.engine.survey import examine_volumes
from triage.errors import ExitCode, TriageError, UsageError, WorkerError, worst
from triage.evidence.patterns import PatternSet
from triage.findings import Finding
from triage.model import Container, EntryType, VolumeState
from triage.redaction import redact_value
from triage.registry import Registered, Registry, load

_BUDGET = "time budget used up"


@dataclass(slots=True)
class Run:
    """The state of one run. Use `run`."""

    options: Options
    observer: Observer
    registry: Registry
    selected: tuple[Registered, ...]
    pool: Pool
    opened: m.Opened
    results: Results
    started: float = field(default_factory=time.monotonic)
    started_at: str = field(default_factory=lambda: utc_text(system_clock()))
    matches: list[Match] = field(default_factory=list)
    index_end: int = 0
    accounts: Accounts = field(default_factory=lambda: Accounts(()))

    def out_of_time(self) -> bool:
        """Whether the budget is used up."""
        budget = self.options.budget_seconds
        return budget is not None and time.monotonic() - self.started > budget

    # Walking

    def walk(self) -> None:
        """Index every readable volume and collect what the patterns ask for."""
        examine_volumes(self.opened, self.results)
        owners = [registered for registered in self.selected for _ in registered.extractor.paths]
        patterns = [path for registered in self.selected for path in registered.extractor.paths]
        excluded = PatternSet(self.options.profile.scope.exclude_paths)
        for number, volume in enumerate(self.opened.volumes):
            if volume.state is not VolumeState.FILESYSTEM:
                continue
            self.observer.phase(f"walk {volume.name}", None, "names")
            if self.out_of_time():
                self._unwalked(volume.name, _BUDGET)
                continue
            task = Task(request=m.WalkVolume(volume=number, at=self.index_end))
            for _ in self.pool.run([task]):
                pass
            if task.failure is not None:
                self.results.problem(task.failure.code, task.failure.text, volume=volume.name)
                self._unwalked(volume.name, task.failure.code)
                continue
            counted = self._walked(number, task.replies, owners, excluded)
            for pattern, (registered, count) in enumerate(zip(owners, counted, strict=True)):
                self.results.coverage.add(
                    "pattern",
                    Outcome.FOUND if count else Outcome.ABSENT,
                    volume=volume.name,
                    extractor=registered.extractor.name,
                    pattern=patterns[pattern],
                    count=count,
                )

    def _unwalked(self, volume: str, reason: str) -> None:
        if reason == _BUDGET:
            self.results.not_repeatable.add(f"{volume}: {reason}")
        self.results.coverage.add(
            "volume", Outcome.NOT_EXAMINED, reason=reason, counts=True, volume=volume
        )

    def _walked(
        self,
        number: int,
        replies: Sequence[m.AnyReply],
        owners: Sequence[Registered],
        excluded: PatternSet,
    ) -> list[int]:
        volume = self.opened.volumes[number]
        counted = [0] * len(owners)
        for reply in replies:
            if isinstance(reply, m.Walked):
                self.index_end = reply.at + reply.length + -reply.length % 4096
                self.pool.setup(m.Attach(volume=number, at=reply.at, length=reply.length))
                self.results.coverage.add(
                    "volume", Outcome.FOUND, volume=volume.name, entries=reply.entries
                )
                for code, path in reply.problems:
                    self.results.problem(code, "walk", volume=volume.name, path=path)
                    self.results.coverage.add(
                        "directory",
                        Outcome.NOT_EXAMINED,
                        reason=code,
                        counts=code != "directory_loop",
                        volume=volume.name,
                        path=path,
                    )
            elif isinstance(reply, m.Matched):
                self._matched(number, reply, owners, excluded, counted)
        return counted

    def _matched(
        self,
        number: int,
        reply: m.Matched,
        owners: Sequence[Registered],
        excluded: PatternSet,
        counted: list[int],
    ) -> None:
        entry, volume = reply.entry, self.opened.volumes[number].name
        about: dict[str, Any] = {
            "volume": volume,
            "path": entry.path,
            "address": entry.address,
        }
        for pattern in reply.patterns:
            if 0 <= pattern < len(counted):
                counted[pattern] += 1
        if excluded.matches(entry.path):
            self.results.coverage.add("artifact", Outcome.OUT_OF_SCOPE, **about)
            return
        if entry.type is not EntryType.FILE or entry.allocation.reused:
            reason = "metadata_reused" if entry.allocation.reused else "no_content"
            self.results.coverage.add(
                "artifact", Outcome.NOT_EXAMINED, reason=reason, counts=False, **about
            )
            return
        wanted = {
            owners[pattern].extractor.name: owners[pattern]
            for pattern in reply.patterns
            if 0 <= pattern < len(owners)
        }
        for name in sorted(wanted):
            self.matches.append(
                Match(registered=wanted[name], volume=number, row=reply.row, entry=entry)
            )

    # Extracting

    def extract(self) -> None:
        """Run the extractors: context first, then everything else with its facts."""
        context = [match for match in self.matches if match.registered.extractor.context]
        others = [match for match in self.matches if not match.registered.extractor.context]
        self._round("context", context)
        facts = self._facts()
        self.accounts = Accounts(facts)
        self.pool.setup(
            m.Facts(
                facts=tuple(
                    m.FactMessage(
                        kind=fact.finding.kind,
                        finding=msgspec.to_builtins(fact.finding),
                        volume=fact.volume,
                        path=fact.path,
                    )
                    for fact in facts
                )
            )
        )
        self._round("extract", self._wanted(others))
        self.results.scoped(self.options.profile.scope, self.accounts)

    def _wanted(self, matches: Sequence[Match]) -> list[Match]:
        """Leave unread what belongs to accounts outside the scope."""
        accounts = {name.casefold() for name in self.options.profile.scope.accounts}
        if not accounts:
            return list(matches)
        kept = []
        for match in matches:
            volume = self.opened.volumes[match.volume].name
            account = self.accounts.of(volume, match.entry.path)
            if account and accounts & {account.name.casefold(), (account.id or "").casefold()}:
                kept.append(match)
            else:
                self.results.coverage.add(
                    "artifact",
                    Outcome.OUT_OF_SCOPE,
                    volume=volume,
                    path=match.entry.path,
                    extractor=match.registered.extractor.name,
                )
        return kept

    def _round(self, phase: str, matches: Sequence[Match]) -> None:
        self.observer.phase(phase, len(matches), "artifacts")
        tasks = [
            Task(
                request=m.Extract(
                    extractor=match.registered.extractor.name, volume=match.volume, row=match.row
                )
            )
            for match in matches
        ]
        asked = {id(task): match for task, match in zip(tasks, matches, strict=True)}
        for done, task in enumerate(self.pool.run(tasks, stop=self.out_of_time), 1):
            match = asked[id(task)]
            if task.tries:
                self.results.take(match, task.replies, task.failure)
            else:
                self.results.failed(match, "budget", _BUDGET)
                self.results.not_repeatable.add(_BUDGET)
            self.observer.progress(done)

    def _facts(self) -> list[Fact[Finding]]:
        facts = [
            Fact(
                finding=statement.finding,
                volume=statement.volume.name,
                path=statement.match.entry.path,
            )
            for statement in self.results.statements
            if statement.finding.context and statement.match is not None
        ]
        return sorted(facts, key=lambda fact: (fact.volume, fact.path, repr(fact.finding)))

    # Writing

    def not_selected(self) -> None:
        """Say which steps this version or profile leaves out."""
        selected = {registered.extractor.name for registered in self.selected}
        for registered in self.registry.entries:
            if registered.extractor.name not in selected:
                self.results.coverage.add(
                    "extractor", Outcome.NOT_SELECTED, extractor=registered.extractor.name
                )
        for step in ("recognition_by_content", "shadow_copies", "unallocated", "archives"):
            self.results.coverage.add("step", Outcome.NOT_SELECTED, name=step)
        for name in self.registry.failures:
            self.results.problem("plugin_not_loaded", name)
            self.results.coverage.add(
                "plugin", Outcome.NOT_EXAMINED, reason="plugin_not_loaded", counts=True, name=name
            )

    def run_record(self, media: MediaHash) -> dict[str, Any]:
        """Return what `run.json` says."""
        options, opened = self.options, self.opened
        return {
            "contract": 1,
            "tool": {"name": "disk-triage", "version": triage.__version__},
            "case": asdict(options.case),
            "started": self.started_at,
            "finished": utc_text(system_clock()),
            "clock": "system clock of the examining computer",
            "environment": environment(),
            "sandbox": asdict(opened.sandbox),
            "jobs": options.jobs,
            "options": {
                "only": options.only,
                "hash_media": options.hash_media,
                "expect": [f"{name}:{value}" for name, value in options.expect],
                "plugins": "path" if os.sep in options.plugins else options.plugins,
                "allow_incomplete": options.allow_incomplete,
                "allow_writable_device": options.allow_writable_device,
                "budget_seconds": (
                    None if options.budget_seconds is None else round(options.budget_seconds)
                ),
                "secrets_recipient": options.secrets_recipient,
            },
            "profile": asdict(options.profile),
            "extractors": [
                {
                    "name": registered.extractor.name,
                    "summary": registered.extractor.summary,
                    **asdict(registered.origin),
                }
                for registered in self.selected
            ],
            "image": {
                "id": "img-1",
                **asdict(opened.info),
                "missing": opened.missing,
                **media.record(),
            },
            "volumes": [asdict(volume) for volume in opened.volumes],
            "repeatable": not self.results.not_repeatable,
            "not_repeatable": sorted(self.results.not_repeatable),
        }


def run(options: Options, observer: Observer, reporter: Reporter) -> RunResult:
    """Triage one image into a sealed bundle.

    Raises UsageError, ImageError and BundleError before anything is written where it can;
    KeyboardInterrupt before the findings are complete leaves `.partial`, later it seals.
    """
    if os.path.lexists(options.output):
        BundleWriter.create(options.output, resume=options.resume)  # says why it is refused
    image = options.image.absolute()
    if image.is_dir() and options.output.absolute().is_relative_to(image):
        raise UsageError("the bundle would be written into the evidence", where=str(options.output))
    recipient = parse_recipient(options.secrets_recipient) if options.secrets_recipient else None
    registry = load(options.plugins)
    selected = registry.select(options.profile, options.only)
    index_fd = os.memfd_create("index") if hasattr(os, "memfd_create") else None
    limits = options.profile.limits
    opening = m.Open(
        path=os.fspath(image),
        allow_incomplete=options.allow_incomplete,
        allow_writable_device=options.allow_writable_device,
        plugins=options.plugins,
        extractors=tuple(registered.extractor.name for registered in selected),
        limits=asdict(limits),
        index_fd=index_fd,
        send_secrets=recipient is not None,
    )
    try:
        with Pool(
            opening,
            jobs=options.jobs,
            silent_seconds=limits.silent_seconds,
            index_fd=index_fd,
            progress=lambda _, done: observer.progress(done),
        ) as pool:
            opened = pool.open()
            if options.require_sandbox and not opened.sandbox.complete:
                raise WorkerError("the sandbox is not complete on this system")
            state = Run(
                options=options,
                observer=observer,
                registry=registry,
                selected=selected,
                pool=pool,
                opened=opened,
                results=Results(volumes=opened.volumes),
            )
            with BundleWriter.create(
                options.output,
                resume=options.resume,
                case=options.case.case,
                exhibit=options.case.exhibit,
            ) as writer:
                return _write(state, writer, reporter, recipient)
    finally:
        if index_fd is not None:
            os.close(index_fd)


def _write(state: Run, writer: BundleWriter, reporter: Reporter, recipient: Any) -> RunResult:
    options, results, observer = state.options, state.results, state.observer
    custody = writer.custody
    custody.append(
        "image.opened",
        {
            "path": os.fspath(options.image.absolute()),
            "segments": [asdict(segment) for segment in state.opened.info.segments],
            "container": state.opened.info.container,
            "sandbox": asdict(state.opened.sandbox),
        },
    )
    media = MediaHash(
        stored=state.opened.info.stored_hashes,
        expected=options.expect,
        selected=options.hash_media,
        applicable=state.opened.info.container is not Container.FOLDER,
    )
    if options.jobs > 1:
        media.begin(state.pool)
    state.walk()
    custody.append("image.walked", {"matches": len(state.matches)})
    state.extract()
    state.not_selected()
    findings = results.records(state.accounts)
    observer.phase("export", len(results.files), "files")
    exported = export(results, state.pool, writer, options.profile, recipient)
    custody.append("files.exported", exported)
    if state.pool.deaths:
        custody.append("workers.replaced", {"count": state.pool.deaths})
    writer.write_lines("findings.jsonl", findings)
    writer.write_lines("files.jsonl", redacted(fact.record for fact in results.files.values()))
    if recipient is not None:
        writer.write_secrets(results.secrets, recipient)
    try:
        observer.findings_ready(
            findings,
            list(redacted(results.coverage.lines())),
            list(redacted(results.problems.values())),
        )
        observer.phase("hash", state.opened.info.media_size, "bytes")
        media.finish(state.pool)
    except KeyboardInterrupt:  # only the hash is missing by now
        media.interrupted()
    media.cover(results)
    custody.append("image.hashed", media.record())
    return _seal(state, writer, reporter, findings, media)


def _seal(
    state: Run,
    writer: BundleWriter,
    reporter: Reporter,
    findings: Sequence[Record],
    media: MediaHash,
) -> RunResult:
    options, results = state.options, state.results
    state.observer.phase("seal", None, "")
    coverage = list(redacted(results.coverage.lines()))
    code = ExitCode.INCOMPLETE if results.coverage.incomplete else ExitCode.OK
    if media.mismatch:
        code = worst(code, ExitCode.MISMATCH)
    record = state.run_record(media)
    record["exit_code"] = int(code)
    record["incomplete"] = results.coverage.incomplete
    writer.write_lines("coverage.jsonl", coverage)
    writer.write_lines("problems.jsonl", redacted(results.problems.values()))
    writer.write_json("run.json", record)
    for name, content in reporter(Bundle(writer.partial)):
        writer.write_report(name, content)
    sealed = writer.seal(
        signer=options.signer,
        bag_info={
            "Bagging-Date": record["finished"][:10],
            **{
                label: value
                for label, value in (
                    ("Source-Organization", options.case.authority),
                    ("External-Identifier", options.case.exhibit),
                    ("Internal-Sender-Identifier", options.case.case),
                )
                if value
            },
        },
        predicate={
            "incomplete": results.coverage.incomplete,
            "tool": record["tool"],
            "images": [{"id": "img-1", "hashes": media.hashes}],
        },
    )
    return RunResult(
        path=sealed.path,
        seal_code=sealed.seal_code,
        bundle_id=writer.bundle_id,
        exit_code=code,
        findings=len(findings),
        problems=len(results.problems),
        not_examined=sum(line["counts"] for line in coverage),
        image_hash=media.verdict,
        milliseconds=round(1000 * (time.monotonic() - state.started)),
    )


def redacted(records: Iterable[Record]) -> Iterator[Record]:
    """Yield records with every secret in them replaced: names of files hold seeds too."""
    for record in records:
        clean: Record = redact_value(record)
        yield clean


def survey(image: Path, *, allow_incomplete: bool, allow_writable_device: bool) -> m.Opened:
    """Open an image in a worker and return what it is: for `info`. Raises ImageError."""
    opening = m.Open(
        path=os.fspath(image.absolute()),
        allow_incomplete=allow_incomplete,
        allow_writable_device=allow_writable_device,
        plugins="none",
        extractors=(),
        limits={},
        index_fd=None,
        send_secrets=False,
    )
    with Pool(opening, jobs=1, silent_seconds=600, index_fd=None) as pool:
        return pool.open()


__all__ = ["TriageError", "run", "survey"]
