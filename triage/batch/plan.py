"""From what was given on the command line to one job an image: files, folders, globs, lists."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.batch.images import Found, Later, Looker, Stamp, Unread, absolute, stamp, without_mark
from triage.batch.names import unique_names
from triage.batch.sheet import SUFFIXES, Row, read_sheet
from triage.errors import EvidenceError, ImageError, UsageError

_MOST = 1_000_000  # files looked at in folders
_BASE = 32 * 2**20  # bytes of a bundle that exports little
_SHARE = 200  # a bundle takes about one part in so many of its image
_UNKNOWN = 256 * 2**20  # a folder or device: not measured before


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One image and the name of its bundle, without `.bundle`."""

    name: str
    image: Path
    case: str | None
    exhibit: str | None
    segments: tuple[Stamp, ...]

    @property
    def space(self) -> int:
        """Roughly how many bytes the bundle will take: a guess, from the size of the image."""
        size = sum(max(0, segment.size) for segment in self.segments)
        return _BASE + (size // _SHARE if self.segments else _UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The jobs in the order given, and what lies in the folders and is not taken."""

    jobs: tuple[Job, ...]
    left: tuple[Unread, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    path: Path
    by_name: bool  # not merely found in a folder or by a pattern
    row: Row | None = None


def make_plan(
    sources: Sequence[str],
    *,
    output: Path,
    case: str | None = None,
    named: Mapping[Path, str] | None = None,
) -> Plan:
    """Find the images behind `sources`.

    `named` are the names that an earlier start gave: they stay. Nothing is taken from `output`,
    nor from a bundle. Raises UsageError for a source that is not there, a list that is wrong, and
    a later segment without its first one.
    """
    looker, named = Looker(), named or {}
    looked: dict[Path, tuple[_Wanted, Found | Later | Unread]] = {}
    for source in sources:
        for wanted in _expand(source, absolute(output)):
            if wanted.path not in looked:
                looked[wanted.path] = wanted, looker.look(wanted.path)
            elif wanted.row:
                raise UsageError("is among the sources already", where=wanted.row.where)
    parts = _parts(what for _, what in looked.values())
    found: list[tuple[_Wanted, Found]] = []
    left: list[Unread] = []
    for wanted, what in looked.values():
        if wanted.path in parts:
            continue
        taken = _take(wanted, what)
        if isinstance(taken, Found):
            found.append((wanted, taken))
        else:
            left.append(taken)
    if not found:
        raise UsageError("no image found; a folder of extracted files is named in a list")
    new = [pair for pair in found if pair[1].path not in named]
    names = dict(
        zip(
            (image.path for _, image in new),
            unique_names(
                [(_exhibit(wanted) or image.stem, str(image.path)) for wanted, image in new],
                taken=tuple(named.values()),
            ),
            strict=True,
        )
    )
    return Plan(
        jobs=tuple(
            Job(
                name=named.get(image.path) or names[image.path],
                image=image.path,
                case=(wanted.row.case if wanted.row else None) or case,
                exhibit=_exhibit(wanted),
                segments=image.segments,
            )
            for wanted, image in found
        ),
        left=tuple(left),
    )


def _exhibit(wanted: _Wanted) -> str | None:
    return wanted.row.exhibit if wanted.row else None


def _parts(looked: Iterator[Found | Later | Unread]) -> set[Path]:
    """Return the later segments of all images found."""
    return {
        image.path.with_name(segment.name)
        for image in looked
        if isinstance(image, Found)
        for segment in image.segments[1:]
    }


def _take(wanted: _Wanted, what: Found | Later | Unread) -> Found | Unread:
    if isinstance(what, Later):
        if wanted.by_name:
            raise UsageError(what.problem, where=wanted.row.where if wanted.row else str(what.path))
        return Unread(path=what.path, problem=what.problem, counts=True)
    if isinstance(what, Unread):
        # Given by name it is run all the same: its failure belongs into the record.
        segments = (stamp(what.path),)
        named = Found(path=what.path, stem=what.path.stem, segments=segments)
        return named if wanted.by_name else what
    try:
        return what if wanted.by_name else without_mark(what) or what
    except (ImageError, EvidenceError) as error:
        return Unread(path=what.path, problem=error.message, counts=True)


def _expand(source: str, output: Path) -> Iterator[_Wanted]:
    path = absolute(Path(source))
    if path.is_dir():
        yield from _folder(path, output)
    elif path.exists():
        if path.suffix.lower() in SUFFIXES:
            yield from (_Wanted(path=row.image, by_name=True, row=row) for row in read_sheet(path))
        else:
            yield _Wanted(path=path, by_name=True)
    elif glob.has_magic(source):
        matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 - absolute patterns too
        if not matches:
            raise UsageError("matches nothing", where=source)
        for match in map(Path, matches):
            if match.is_dir():
                yield from _folder(absolute(match), output)
            elif not absolute(match).is_relative_to(output):
                yield _Wanted(path=absolute(match), by_name=False)
    else:
        raise UsageError("no such file or folder", where=source)


def _folder(folder: Path, output: Path) -> Iterator[_Wanted]:
    count = 0
    for root, folders, files in os.walk(folder):
        here = Path(root)
        if here == output or "bagit.txt" in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.endswith(".partial"))
        for name in sorted(files):
            count += 1
            if count > _MOST:
                raise UsageError(f"more than {_MOST} files; give a list", where=str(folder))
            path = here / name
            if path.is_file():  # not a FIFO, a socket or a link to nothing
                yield _Wanted(path=path, by_name=False)
