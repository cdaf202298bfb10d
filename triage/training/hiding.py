"""Putting an artifact where it is to lie: as it is, renamed, deleted, or without a name at all.

What is found of an artifact depends on the place. A file that keeps its form is read by whoever
reads such files; of bytes in slack, in free clusters or in an archive only what they say
themselves is left, and that is what the answers are then about.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from triage.errors import ProfileError
from triage.training.artifacts.scene import Scene
from triage.training.media.model import Entry
from triage.training.scenario import Hide, Step
from triage.training.tree import Node
from triage.training.truth import Place, Wanted

_PLACES: Final[Mapping[Hide, Place]] = {
    Hide.PLAIN: Place.PLAIN,
    Hide.RENAMED: Place.RENAMED,
    Hide.DELETED: Place.DELETED,
    Hide.UNALLOCATED: Place.UNALLOCATED,
    Hide.SLACK: Place.SLACK,
    Hide.ARCHIVE: Place.ARCHIVE,
    Hide.STREAM: Place.STREAM,
}
_HOST_TEXT = "Shopping list\r\n\r\nmilk\r\nbread\r\napples\r\n"
_ZIP_EPOCH = 1980


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Something that is there to be found: `path` with a leading slash, None for bare bytes."""

    kind: str
    path: str | None
    match: Mapping[str, Wanted]
    main: bool


@dataclass(slots=True, kw_only=True)
class Draft:
    """A volume in the making."""

    entries: dict[str, Entry] = field(default_factory=dict)
    scraps: list[bytes] = field(default_factory=list)
    slack: dict[str, bytes] = field(default_factory=dict)

    def add(self, entry: Entry, *, where: str) -> None:
        """Add a file. Raises ProfileError when another of this name is there."""
        if entry.path.casefold() in (path.casefold() for path in self.entries):
            raise ProfileError(f"{entry.path} is there already", where=where)
        self.entries[entry.path] = entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who files belong to: a number on ext4, a security identifier on NTFS."""

    uid: int
    sid: str | None


def place_of(step: Step) -> Place:
    """Return what the answer key calls the place."""
    return _PLACES[step.hide]


def hide(scene: Scene, step: Step, draft: Draft, owner: Owner, name: str | None) -> list[Shown]:
    """Put the files of a scene into a volume, and return what is there to be found.

    name: of the file that hides, from the root of the volume. Raises ProfileError for what cannot
    be hidden so.
    """
    nodes = {path: node for path, node in scene.tree.nodes.items() if node.target is None}

    def put(path: str, node: Node, **more: object) -> None:
        draft.add(replace(entry(path, node, owner), **more), where=step.where)  # type: ignore[arg-type]

    match step.hide:
        case Hide.PLAIN | Hide.DELETED:
            for path, node in nodes.items():
                put(path, node, deleted=step.hide is Hide.DELETED)
            return _claimed(scene, lambda path: path)
        case Hide.RENAMED:
            path, node = _only(nodes, step)
            put(str(name), node)
            return _claimed(scene, lambda _: str(name))
        case Hide.STREAM:
            path, node = _only(nodes, step)
            stream = path.rpartition("/")[2]
            put(str(name), replace(node, data=_HOST_TEXT.encode()), streams={stream: node.data})
            return _claimed(scene, lambda _: f"{name}:{stream}")
        case Hide.SLACK:
            _, node = _only(nodes, step)
            put(str(name), replace(node, data=_HOST_TEXT.encode()))
            draft.slack[f"/{name}"] = node.data
            return _traced(scene, step, None)
        case Hide.UNALLOCATED:
            draft.scraps.extend(node.data for node in nodes.values())
            return _traced(scene, step, None)
        case Hide.ARCHIVE:
            data = _archive(list(nodes.items()), scene.when)
            put(str(name), Node(data=data, modified=scene.when))
            return _traced(scene, step, str(name))


def entry(path: str, node: Node, owner: Owner) -> Entry:
    """Return a file for the writer of volumes: modified when last used, made not later."""
    modified = nanoseconds(node.modified)
    return Entry(
        path=f"/{path}",
        content=node.data,
        modified=modified,
        created=modified,
        accessed=modified,
        changed=modified,
        uid=node.owner or owner.uid,
        sid=owner.sid,
        mode=node.mode,
    )


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970 UTC."""
    return int(moment.timestamp()) * 10**9


def _only(nodes: Mapping[str, Node], step: Step) -> tuple[str, Node]:
    if len(nodes) != 1:
        text = f"`{step.hide}` takes one file, {step.make} leaves {len(nodes)}"
        raise ProfileError(text, where=step.where)
    ((path, node),) = nodes.items()
    return path, node


def _claimed(scene: Scene, moved: Callable[[str], str]) -> list[Shown]:
    return [
        Shown(
            kind=claim.kind,
            path=f"/{moved(claim.path)}",
            match=claim.match,
            main=claim.main,
        )
        for claim in scene.claims
    ]


def _traced(scene: Scene, step: Step, path: str | None) -> list[Shown]:
    if not scene.traces:
        text = f"nothing of {step.make} is left to be found when it is hidden so"
        raise ProfileError(text, where=step.where)
    return [
        Shown(kind=trace.kind, path=path and f"/{path}", match=trace.match, main=True)
        for trace in scene.traces
    ]


def _archive(members: Sequence[tuple[str, Node]], when: datetime) -> bytes:
    """Return a zip whose bytes follow from its members: stored, as no deflate is the same twice."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, node in members:
            stamp = (max(when.year, _ZIP_EPOCH), when.month, when.day, when.hour, when.minute, 0)
            info = zipfile.ZipInfo(path.rpartition("/")[2], stamp)
            info.create_system = 0  # else it names the system of the host
            archive.writestr(info, node.data)
    return packed.getvalue()
