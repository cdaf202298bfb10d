"""Files as wholes: their digests, and what YARA rules say of them and of what lies between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from triage.engine import messages as m
from triage.engine.place import Place
from triage.engine.scan.sightings import PLACES
from triage.engine.scan.sweep import Volume
from triage.errors import EvidenceError, UsageError
from triage.evidence.extents import Extents
from triage.findings import Confidence, IndicatorYara, Shows
from triage.hashing import Digests
from triage.model import ByteRun, Reader, Storage

try:
    import yara_x
except ImportError:  # no wheel for this system
    AVAILABLE = False
else:
    AVAILABLE = True

_BLOCK: Final = 1 << 20
_STRINGS: Final = 16  # of a rule that are named
_TIMEOUT: Final = 60  # seconds for one file or stretch


def compiled(source: str) -> Any:
    """Return rules ready to be used. Raises UsageError with the compiler's words."""
    if not AVAILABLE:
        raise UsageError("needs the package yara-x", where="--yara")
    compiler = yara_x.Compiler()
    compiler.enable_includes(False)
    try:
        compiler.add_source(source)
        return compiler.build()
    except yara_x.CompileError as error:
        raise UsageError(str(error).splitlines()[0], where="--yara") from None


@dataclass(slots=True, kw_only=True)
class Checker:
    """Reads files and stretches of the media whole, once for all."""

    algorithms: Sequence[str]
    rules: Any  # None: no rules
    hashed: int  # bytes of a file at most
    matched: int
    place: Place
    progress: Callable[[int], None]

    def files(self, volume: Volume, request: m.CheckFiles) -> Iterator[m.AnyReply]:
        """Check some files of a volume."""
        part, total, cut, unread, failed = request.part, 0, 0, 0, 0
        for row in volume.plan.rows[part.first : part.first + part.count]:
            if row in request.avoid or row in volume.plan.excluded:
                continue
            self.place.mark(row)
            digests, head = Digests(tuple(self.algorithms)), bytearray()
            try:
                reader = volume.tree.open(volume.index.address(row))
                cut += self._too_long(reader)
                for block in self._blocks(reader):
                    total += len(block)
                    self.progress(total)
                    digests.update(block)
                    if self.rules is not None:
                        head += block[: max(0, self.matched - len(head))]
            except EvidenceError:
                unread += volume.index.allocated(row)
                continue
            if self.algorithms and reader.size <= self.hashed:
                yield m.Digested(row=row, hashes=digests.hex())
            if self.rules is not None:
                try:
                    yield from self._matches(volume, row, bytes(head))
                except (yara_x.ScanError, yara_x.TimeoutError):
                    failed += 1
        yield m.Checked(size=total, cut=cut, unread=unread, failed=failed)

    def _too_long(self, reader: Reader) -> bool:
        hashed = bool(self.algorithms) and reader.size > self.hashed
        return hashed or (self.rules is not None and reader.size > self.matched)

    def _blocks(self, reader: Reader) -> Iterator[bytes]:
        wanted = self.hashed if self.algorithms else self.matched
        end = min(reader.size, wanted)
        for at in range(0, end, _BLOCK):
            block = reader.read_at(at, min(_BLOCK, end - at))
            if not block:
                raise EvidenceError(f"content ends early at {at}")
            yield block

    def space(self, media: Reader, request: m.CheckSpace) -> Iterator[m.AnyReply]:
        """Ask the rules about stretches of the media: of each what begins in this part counts."""
        total = unread = failed = 0
        for start, end in Extents.unpacked(request.stretches):
            try:
                data = media.read_at(start, end - start)
                total += len(data)
                self.progress(total)
                yield from self._in_stretch(data, start, range(request.first, request.last))
            except EvidenceError:
                unread += 1
            except (yara_x.ScanError, yara_x.TimeoutError):
                failed += 1
        yield m.Checked(size=total, cut=0, unread=unread, failed=failed)

    def _in_stretch(self, data: bytes, start: int, counted: range) -> Iterator[m.Sighted]:
        for rule in self._true(data):
            places = [place for place in _places(rule) if start + place[0] in counted]
            if places or (not _places(rule) and start in counted):
                whole = ByteRun(
                    file_offset=0, image_offset=start, length=len(data), storage=Storage.PLAIN
                )
                runs = [run for place in places[:PLACES] for run in _on_media((whole,), *place)]
                yield _sighted(
                    rule,
                    places,
                    row=None,
                    first=start + places[0][0] if places else start,
                    runs=[replace(run, file_offset=0) for run in runs],
                )

    def _true(self, data: bytes) -> Iterator[Any]:
        """Yield the rules that are true of some bytes."""
        scanner = yara_x.Scanner(self.rules)
        scanner.set_timeout(_TIMEOUT)
        scanner.max_matches_per_pattern(1000)
        yield from scanner.scan(data).matching_rules

    def _matches(self, volume: Volume, row: int, data: bytes) -> Iterator[m.Sighted]:
        for rule in self._true(data):
            places = _places(rule)
            runs = volume.runs(row) if places else ()
            yield _sighted(
                rule,
                places,
                row=row,
                first=places[0][0] if places else 0,
                runs=[run for place in places[:PLACES] for run in _on_media(runs, *place)],
            )


def _places(rule: Any) -> list[tuple[int, int]]:
    """Return offset and length of all strings of a rule."""
    return sorted((one.offset, one.length) for p in rule.patterns for one in p.matches)


def _sighted(
    rule: Any,
    places: Sequence[tuple[int, int]],
    *,
    row: int | None,
    first: int,
    runs: Sequence[ByteRun],
) -> m.Sighted:
    finding = IndicatorYara(
        rule=rule.identifier,
        namespace=rule.namespace,
        tags=tuple(rule.tags),
        strings=tuple(p.identifier for p in rule.patterns if p.matches)[:_STRINGS],
        entries=len(places),
        shows=Shows.PRESENT,
        confidence=Confidence.POSSIBLE,
        locator=f"{'byte' if row is not None else 'media byte'} {first}" if places else None,
    )
    found = m.Found(kind=finding.kind, finding=msgspec.to_builtins(finding))
    count = max(1, len(places))
    return m.Sighted(row=row, first=first, count=count, runs=tuple(runs), bad=False, found=found)


def _on_media(runs: Sequence[ByteRun], start: int, length: int) -> Iterator[ByteRun]:
    """Yield where some bytes of a file lie."""
    for run in runs:
        low, high = max(start, run.file_offset), min(start + length, run.file_offset + run.length)
        if low < high:
            plain = run.image_offset is not None and run.storage is Storage.PLAIN
            yield ByteRun(
                file_offset=low,
                image_offset=run.image_offset + low - run.file_offset if plain else None,  # type: ignore[operator]  # plain says so
                length=high - low,
                storage=run.storage,
            )
