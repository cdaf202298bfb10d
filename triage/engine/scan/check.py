"""Files as wholes: their digests, and what YARA rules say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from triage.engine import messages as m
from triage.engine.place import Place
from triage.engine.scan.sightings import PLACES
from triage.engine.scan.sweep import Volume
from triage.errors import EvidenceError, UsageError
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
_TIMEOUT: Final = 60  # seconds for one file


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
    """Reads files whole, once for all."""

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

    def _matches(self, volume: Volume, row: int, data: bytes) -> Iterator[m.Sighted]:
        scanner = yara_x.Scanner(self.rules)
        scanner.set_timeout(_TIMEOUT)
        scanner.max_matches_per_pattern(1000)
        for rule in scanner.scan(data).matching_rules:
            strings = {
                p.identifier: [(i.offset, i.length) for i in p.matches] for p in rule.patterns
            }
            places = sorted(place for found in strings.values() for place in found)
            runs = volume.runs(row) if places else ()
            finding = IndicatorYara(
                rule=rule.identifier,
                namespace=rule.namespace,
                tags=tuple(rule.tags),
                strings=tuple(name for name, found in strings.items() if found)[:_STRINGS],
                entries=len(places),
                shows=Shows.PRESENT,
                confidence=Confidence.POSSIBLE,
                locator=f"byte {places[0][0]}" if places else None,
            )
            yield m.Sighted(
                row=row,
                first=places[0][0] if places else 0,
                count=max(1, len(places)),
                runs=tuple(p for place in places[:PLACES] for p in _on_media(runs, *place)),
                bad=False,
                found=m.Found(kind=finding.kind, finding=msgspec.to_builtins(finding)),
            )


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
