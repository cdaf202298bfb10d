"""Writing a bundle: into `NAME.partial/`, then sealed and renamed to NAME, then never again.

The writer takes plain dicts and bytes and knows nothing of what they mean. It is not for several
threads at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from triage import canonical
from triage.bundle import age, bag, layout
from triage.bundle.keys import Signer
from triage.bundle.output import NewFile, sync_directory, writing
from triage.bundle.seal import BUNDLE_SEAL, make_envelope, make_statement, seal_code, seal_sha256
from triage.bundle.tree import open_regular, walk
from triage.custody import Clock, CustodyLog, new_bundle_id, system_clock, utc_text
from triage.errors import BundleError, EvidenceError

MIN_FREE = 64 * 2**20
"""Bytes that must be free where a bundle is begun."""

_JOURNAL = "journal.jsonl"
_OURS = ("bundle", "contract", "sealed", "signer", "payload", "counts", "sha256", "custody")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealResult:
    """Where the sealed bundle is, the code for the paper form, and the hash behind the code."""

    path: Path
    seal_code: str
    seal_sha256: str


class BundleWriter:
    """One bundle being written. Leaving the `with` block without `seal` keeps `NAME.partial/`."""

    def __init__(
        self,
        path: Path,
        partial: Path,
        custody: CustodyLog,
        *,
        clock: Clock,
        resuming: bool = False,
    ) -> None:
        """Use `BundleWriter.create`."""
        self.path = path
        self.partial = partial
        self.custody = custody
        self.resuming = resuming
        """Whether an interrupted run left this: call `resume` before writing anything."""
        self._clock = clock
        self._digests: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._directories = {partial, partial / "data"}
        self._left: set[str] = set()  # exported files of the interrupted run, not yet asked for

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        resume: bool = False,
        case: str | None = None,
        exhibit: str | None = None,
        clock: Clock = system_clock,
    ) -> BundleWriter:
        """Begin a bundle that will stand at `path`; its folder must exist.

        The first custody event binds case, exhibit and a random bundle id. With `resume` what an
        interrupted run left is continued: `resuming` says so. A `.partial` without one whole
        custody event is set aside (renamed, never deleted) and the bundle begun anew. Raises
        BundleError when something is there already, another run writes it, the folder cannot be
        written, or less than MIN_FREE bytes are free; AlteredError when its custody was changed.
        """
        partial = path.with_name(path.name + layout.PARTIAL)
        with writing(path):
            if os.path.lexists(path):
                hint = ": it is finished, so there is nothing to resume" if resume else ""
                raise BundleError(f"already exists{hint}", where=str(path))
            if shutil.disk_usage(path.parent).free < MIN_FREE:
                raise BundleError(f"less than {MIN_FREE} bytes free", where=str(path.parent))
            log = partial / layout.CUSTODY
            aside = None
            if os.path.lexists(partial):
                if not resume:
                    raise BundleError(
                        "an earlier run was not finished; --resume continues it", where=str(partial)
                    )
                if _begun(log):
                    custody = CustodyLog(log, bundle=None, clock=clock)
                    return cls(path, partial, custody, clock=clock, resuming=True)
                aside = _set_aside(partial)
            partial.mkdir(mode=0o700)
            (partial / "data").mkdir(mode=0o700)
            custody = CustodyLog(log, bundle=new_bundle_id(), clock=clock)
            try:
                custody.append(
                    "bundle.created",
                    {"contract": layout.CONTRACT_VERSION, "case": case, "exhibit": exhibit},
                )
                if aside:
                    custody.append("run.restarted", {"set_aside": aside})
            except BaseException:
                custody.close()
                raise
        return cls(path, partial, custody, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files. What was not sealed stays as `.partial`."""
        self.custody.close()

    @property
    def bundle_id(self) -> str:
        """256 random bits, hex, that tell this bundle from every other."""
        return self.custody.bundle

    @property
    def journal(self) -> Path:
        """Where a run may note what it has finished; removed when the bundle is sealed."""
        return self.partial / _JOURNAL

    def resume(self, data: Mapping[str, Any]) -> None:
        """Continue after an interrupted run; `data` goes into the custody event `run.resumed`.

        Exported files and the journal stay, everything else that run had derived is made again.
        Raises BundleError when there is something that no run leaves.
        """
        tree = walk(self.partial)
        if tree.problems:
            raise BundleError(f"{tree.problems[0]}: not left by a run", where=str(self.partial))
        torn = {"custody_bytes_dropped": self.custody.torn} if self.custody.torn else {}
        self.custody.append("run.resumed", {**data, **torn})
        with writing(self.partial):
            for path in tree.files:
                if layout.exported_sha256(path) is not None:
                    self._left.add(path)
                elif path not in (layout.CUSTODY, _JOURNAL):
                    (self.partial / path).unlink()
            for folder, _, _ in os.walk(self.partial, topdown=False):
                with suppress(OSError):  # not empty: it stays
                    Path(folder).rmdir()
                    continue
                self._directories.add(Path(folder))
        self.resuming = False

    def write_json(self, name: str, value: Any) -> None:
        """Write `data/<name>`, one JSON value: `run.json`."""
        path = f"data/{name}"
        if not name.endswith(".json"):
            raise BundleError(f"not the name of a JSON file: {name!a}")
        with self._new(path) as file:
            file.write(_line(value, path))

    def write_lines(self, name: str, records: Iterable[Mapping[str, Any]]) -> int:
        """Write `data/<name>`, one record a line, sorted, and return how many.

        `findings.jsonl` is sorted by `id`, `files.jsonl` by `key`; these must be text and may not
        repeat. `coverage.jsonl` and `problems.jsonl` are sorted by the line as a whole, and may.
        Memory is bounded by the sort keys. Raises BundleError on a duplicate or other name.
        """
        path = f"data/{name}"
        if path not in layout.RECORDS:
            raise BundleError(f"not a record file: {name!a}")
        index: list[tuple[bytes, int, int]] = []
        with self._new(path) as file:
            for record in records:
                line = _line(record, path)
                index.append((_sort_key(record, line, path), file.size, len(line)))
                file.write(line)
        ordered = sorted(index)
        for (before, *_), (after, *_) in pairwise(ordered):
            if before == after and layout.RECORDS[path]:
                raise BundleError(f"two records have the key {after.decode()!a}", where=path)
        if ordered != index:
            self._rewrite(path, ordered)
        self._counts[path.removeprefix("data/").removesuffix(".jsonl")] = len(index)
        return len(index)

    def add_file(self, sha256: str, chunks: Iterable[bytes]) -> bool:
        """Store evidence content under its hash; False when it is there already, clear or sealed.

        Raises EvidenceError when the content has another hash (it was read differently before),
        and whatever reading `chunks` raises; nothing is left behind then.
        """
        path = layout.exported(sha256)
        if path in self._digests or layout.exported(sha256, sealed=True) in self._digests:
            return False
        if self._kept(path, sha256):
            return True
        with self._new(path) as file:
            for chunk in _checked(chunks, sha256):
                file.write(chunk)
        return True

    def add_sealed_file(
        self,
        sha256: str,
        chunks: Iterable[bytes],
        recipient: age.Recipient,
        *,
        known: str | None = None,
    ) -> bool:
        """Store evidence content encrypted; `sha256` is that of the content in clear.

        A clear copy written before is removed: content that one finding calls secret is secret.
        `known` is the SHA-256 of the encrypted copy that an interrupted run finished: nothing in
        the copy itself shows what is in it.
        """
        path, clear = layout.exported(sha256, sealed=True), layout.exported(sha256)
        if path in self._digests:
            return False
        if not self._kept(path, known):
            with self._new(path) as file:
                age.encrypt(_checked(chunks, sha256), file, recipient)
        if clear in self._digests or clear in self._left:
            with writing(self.partial / clear):
                (self.partial / clear).unlink()
            self._left.discard(clear)
            self._digests.pop(clear, None)
            self._sizes.pop(clear, None)
        return True

    def sha256(self, path: str) -> str:
        """Return the digest of a file that this bundle holds by now."""
        return self._digests[path]

    def where(self, sha256: str) -> str | None:
        """Return the path in the bundle where this content stands by now, `.bin` or `.age`."""
        paths = (layout.exported(sha256), layout.exported(sha256, sealed=True))
        return next((path for path in paths if path in self._digests), None)

    def write_secrets(self, secrets: Iterable[Mapping[str, Any]], recipient: age.Recipient) -> None:
        """Write `data/secrets.age`: canonical JSON lines, never in clear on a disk."""
        with self._new(layout.SECRETS) as file:
            age.encrypt((_line(item, layout.SECRETS) for item in secrets), file, recipient)

    def write_redactions(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write `data/redactions.jsonl`: a commitment for each thing that was taken out, sorted."""
        ordered = sorted(lines, key=lambda line: str(line["commitment"]))
        with self._new(layout.REDACTIONS) as file:
            for line in ordered:
                file.write(_line(line, layout.REDACTIONS))

    def write_report(self, name: str, data: bytes) -> None:
        """Write one file of `data/report/`."""
        with self._new(f"{layout.REPORT}/{name}") as file:
            file.write(data)

    def seal(
        self, *, signer: Signer | None, bag_info: Mapping[str, str], predicate: Mapping[str, Any]
    ) -> SealResult:
        """Finish the bundle and give it its name.

        `predicate` brings `incomplete` (bool) and what else the seal should state: `tool`,
        `images` (hashes), `previous` (SHA-256 of the seal that this bundle replaces, default
        null). Raises BundleError when a part of the bundle was not written, `predicate` names
        what is ours to state, or something stands at `path` by now; `.partial` stays then.
        """
        missing = [path for path in (layout.RUN, *layout.RECORDS) if path not in self._digests]
        if missing:
            raise BundleError(f"not sealed: {', '.join(missing)} not written")
        if not isinstance(predicate.get("incomplete"), bool) or set(_OURS) & set(predicate):
            raise BundleError("not sealed: the predicate lacks `incomplete` or overrides ours")
        for path in self._left:  # of the interrupted run, and nobody asked for it again
            with writing(self.partial / path):
                (self.partial / path).unlink()
        key_id = signer.key_id if signer else None
        self.custody.append("bundle.sealed", {"signer": key_id})
        self.custody.close()
        with writing(self.path):
            (self.partial / layout.CUSTODY).chmod(0o444)
            self._digests[layout.CUSTODY] = self.custody.sha256
            self._sizes[layout.CUSTODY] = self.custody.size
            subjects = self._write_tags(bag_info)
            statement = make_statement(
                BUNDLE_SEAL,
                subjects,
                {"previous": None, **predicate, **self._facts(), "signer": key_id},
            )
            envelope = make_envelope(statement, signer)
            self._directory(layout.SIGNATURES)
            with NewFile(self.partial / layout.SEAL) as file:
                file.write(envelope)
            self.journal.unlink(missing_ok=True)  # last: until here the run can be continued
            for directory in sorted(self._directories, reverse=True):
                sync_directory(directory)
            # rename() replaces nothing but an empty directory, and that only in a race.
            if os.path.lexists(self.path):
                raise BundleError("already exists", where=str(self.path))
            self.partial.rename(self.path)
            sync_directory(self.path.parent)
        return SealResult(
            path=self.path, seal_code=seal_code(envelope), seal_sha256=seal_sha256(envelope)
        )

    def _write_tags(self, bag_info: Mapping[str, str]) -> dict[str, str]:
        size, files = sum(self._sizes.values()), len(self._digests)
        tags = {
            layout.BAGIT_TXT: bag.BAGIT_TXT,
            layout.BAG_INFO: bag.bag_info(bag_info, files=files, size=size),
            layout.MANIFEST: bag.manifest(self._digests),
        }
        digests = {path: hashlib.sha256(data).hexdigest() for path, data in tags.items()}
        tags[layout.TAGMANIFEST] = bag.manifest(digests)
        for path, data in tags.items():
            with NewFile(self.partial / path) as file:
                file.write(data)
            digests[path] = file.sha256
        return {path: digests[path] for path in (layout.MANIFEST, layout.TAGMANIFEST)}

    def _facts(self) -> dict[str, Any]:
        return {
            "bundle": self.bundle_id,
            "contract": layout.CONTRACT_VERSION,
            "sealed": utc_text(self._clock()),
            "payload": {"files": len(self._digests), "bytes": sum(self._sizes.values())},
            "counts": self._counts,
            "sha256": {
                path.removeprefix("data/").partition(".")[0]: self._digests[path]
                for path in (layout.RUN, *layout.RECORDS, layout.CUSTODY)
            },
            "custody": {"length": self.custody.length, "head": self.custody.head},
        }

    def _rewrite(self, path: str, ordered: list[tuple[bytes, int, int]]) -> None:
        unsorted = self.partial / f"{path}.unsorted"
        with writing(unsorted):
            (self.partial / path).rename(unsorted)
            with unsorted.open("rb") as source, self._new(path, again=True) as file:
                for _, offset, length in ordered:
                    source.seek(offset)
                    file.write(source.read(length))
            unsorted.unlink()

    def _kept(self, path: str, sha256: str | None) -> bool:
        """Take over a file of the interrupted run if it is whole; remove it otherwise."""
        if path not in self._left:
            return False
        self._left.discard(path)
        with writing(self.partial / path):
            with open_regular(self.partial / path, where=path) as file:
                digest, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
                if digest == sha256:
                    os.fsync(file.fileno())
            if digest != sha256:
                (self.partial / path).unlink()
                return False
            (self.partial / path).chmod(0o444)
        self._digests[path], self._sizes[path] = digest, size
        return True

    @contextmanager
    def _new(self, path: str, *, again: bool = False) -> Iterator[NewFile]:
        if not layout.is_safe(path):
            raise BundleError(f"not a name for a file in a bundle: {path!a}")
        if path in self._digests and not again:
            raise BundleError("was written already", where=path)
        self._directory(path.rpartition("/")[0])
        with writing(self.partial / path), NewFile(self.partial / path) as file:
            yield file
        self._digests[path], self._sizes[path] = file.sha256, file.size

    def _directory(self, path: str) -> None:
        directory = self.partial
        for part in path.split("/"):
            directory /= part
            if directory not in self._directories:
                with writing(directory):
                    directory.mkdir(mode=0o700)
                self._directories.add(directory)


def _line(value: Any, path: str) -> bytes:
    try:
        line = canonical.line(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"a value that JSON cannot hold: {error}", where=path) from error
    if len(line) > canonical.MAX_LINE:
        raise BundleError(f"a value of more than {canonical.MAX_LINE} bytes", where=path)
    return line


def _sort_key(record: Mapping[str, Any], line: bytes, path: str) -> bytes:
    field = layout.RECORDS[path]
    if field is None:
        return line
    key = record.get(field)
    if not isinstance(key, str) or not key:
        raise BundleError(f"a record without a {field} that is text", where=path)
    return key.encode("utf-8", "surrogatepass")


def _checked(chunks: Iterable[bytes], sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise EvidenceError(f"content is not what it was when its hash was {sha256}")


def _begun(log: Path) -> bool:
    """Whether a custody log holds at least one whole event."""
    try:
        with open_regular(log, where=layout.CUSTODY) as file:
            return b"\n" in file.read(canonical.MAX_LINE)
    except BundleError:
        return False


def _set_aside(partial: Path) -> str:
    """Rename what an earlier run left before it had done anything; return its new name."""
    number = 1
    while os.path.lexists(aside := partial.with_name(f"{partial.name}.{number}")):
        number += 1
    partial.rename(aside)
    return aside.name
