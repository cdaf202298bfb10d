"""Writing a bundle: into `NAME.partial/`, then sealed and renamed to NAME, then never again.

The writer takes plain dicts and bytes and knows nothing of what they mean. It is not for several
threads at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
from triage.bundle.tree import open_regular
from triage.custody import Clock, CustodyLog, lock, new_bundle_id, system_clock, utc_text
from triage.errors import BundleError, EvidenceError

MIN_FREE = 64 * 2**20
"""Bytes that must be free where a bundle is begun."""

_OURS = ("bundle", "contract", "sealed", "signer", "payload", "counts", "sha256", "custody")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealResult:
    """Where the sealed bundle is, the code for the paper form, and the hash behind the code."""

    path: Path
    seal_code: str
    seal_sha256: str


class BundleWriter:
    """One bundle being written. Leaving the `with` block without `seal` keeps `NAME.partial/`."""

    def __init__(self, path: Path, partial: Path, *, clock: Clock) -> None:
        """Use `BundleWriter.create`."""
        self.path = path
        self.partial = partial
        self.bundle_id = new_bundle_id()
        self._clock = clock
        self._digests: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._directories = {partial}
        self._directory("data")
        self.custody = CustodyLog(partial / layout.CUSTODY, bundle=self.bundle_id, clock=clock)

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

        The first custody event binds case, exhibit and a random bundle id. With `resume` a
        `.partial` left by an earlier run is set aside (renamed, never deleted), the bundle is
        begun anew, and custody says so. Raises BundleError when something is there already, the
        folder cannot be written, or less than MIN_FREE bytes are free.
        """
        partial = path.with_name(path.name + layout.PARTIAL)
        with writing(path):
            if os.path.lexists(path):
                hint = ": it is finished, so there is nothing to resume" if resume else ""
                raise BundleError(f"already exists{hint}", where=str(path))
            if shutil.disk_usage(path.parent).free < MIN_FREE:
                raise BundleError(f"less than {MIN_FREE} bytes free", where=str(path.parent))
            earlier = _set_aside(partial, allowed=resume) if os.path.lexists(partial) else None
            partial.mkdir(mode=0o700)
            writer = cls(path, partial, clock=clock)
            try:
                writer.custody.append(
                    "bundle.created",
                    {"contract": layout.CONTRACT_VERSION, "case": case, "exhibit": exhibit},
                )
                if earlier:
                    writer.custody.append("run.restarted", earlier)
            except BaseException:
                writer.close()
                raise
        return writer

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
        with self._new(path) as file:
            for chunk in _checked(chunks, sha256):
                file.write(chunk)
        return True

    def add_sealed_file(
        self, sha256: str, chunks: Iterable[bytes], recipient: age.Recipient
    ) -> bool:
        """Store evidence content encrypted; `sha256` is that of the content in clear.

        A clear copy written before is removed: content that one finding calls secret is secret.
        """
        path, clear = layout.exported(sha256, sealed=True), layout.exported(sha256)
        if path in self._digests:
            return False
        with self._new(path) as file:
            age.encrypt(_checked(chunks, sha256), file, recipient)
        if clear in self._digests:
            with writing(self.partial / clear):
                (self.partial / clear).unlink()
            del self._digests[clear], self._sizes[clear]
        return True

    def where(self, sha256: str) -> str | None:
        """Return the path in the bundle where this content stands by now, `.bin` or `.age`."""
        paths = (layout.exported(sha256), layout.exported(sha256, sealed=True))
        return next((path for path in paths if path in self._digests), None)

    def write_secrets(self, secrets: Iterable[Mapping[str, Any]], recipient: age.Recipient) -> None:
        """Write `data/secrets.age`: canonical JSON lines, never in clear on a disk."""
        with self._new(layout.SECRETS) as file:
            age.encrypt((_line(item, layout.SECRETS) for item in secrets), file, recipient)

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


def _set_aside(partial: Path, *, allowed: bool) -> dict[str, Any]:
    """Rename what an earlier run left; return what custody says about it."""
    if not allowed:
        raise BundleError(
            "an earlier run was not finished; --resume continues it", where=str(partial)
        )
    number = 1
    while os.path.lexists(aside := partial.with_name(f"{partial.name}.{number}")):
        number += 1
    log_sha256 = None
    try:
        log = open_regular(partial / layout.CUSTODY, where=layout.CUSTODY)
    except BundleError:  # it broke off before there was one
        partial.rename(aside)
    else:
        with log:
            if not lock(log):
                raise BundleError("another run is writing this bundle", where=str(partial))
            log_sha256 = hashlib.file_digest(log, "sha256").hexdigest()
            partial.rename(aside)
    return {"set_aside": aside.name, "custody_sha256": log_sha256}
