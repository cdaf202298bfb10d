"""The folders and files of a volume as a tree, complete and checked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from triage.errors import TrainingError
from triage.training.media.model import Entry, Volume

_DAY_ZERO = 315_532_800 * 10**9  # 1980-01-01: the first day that every file system can name
_LATEST = 4_291_747_200 * 10**9  # 2106
_MOST_NAME = 255
_MODES = 0o7777


@dataclass(slots=True, eq=False)
class Node:
    """An entry in its place; `children` in the order of their creation."""

    entry: Entry
    name: str
    parent: Node | None
    children: list[Node] = field(default_factory=list)
    slack: bytes = b""

    @property
    def folder(self) -> bool:
        """Whether it can have children."""
        return self.entry.content is None and self.entry.target is None

    @property
    def content(self) -> bytes:
        """The bytes of a file; none of a folder."""
        return self.entry.content or b""

    @property
    def deleted(self) -> bool:
        """Whether it was removed."""
        return self.entry.deleted


@dataclass(frozen=True, slots=True)
class Tree:
    """The root, and all nodes but the root in the order of their creation."""

    root: Node
    nodes: tuple[Node, ...]


def grow(volume: Volume) -> Tree:
    """Arrange the entries of `volume`. Raises TrainingError naming the path that is impossible."""
    return _Grower(volume).grow()


class _Grower:
    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._nodes: list[Node] = []
        self._folders: dict[str, Node] = {}
        self._implied: list[Node] = []
        self._given = {
            entry.path: entry
            for entry in volume.entries
            if entry.content is None and entry.target is None
        }

    def grow(self) -> Tree:
        root = self._folder("/")
        for entry in self._volume.entries:
            if entry.content is None and entry.target is None:
                self._folder(entry.path)
            else:
                self._add(entry)
        for node in reversed(self._implied):
            node.entry = _implied(node)
        self._check_names(root)
        self._lay_slack()
        return Tree(root, tuple(self._nodes))

    def _folder(self, path: str) -> Node:
        """Return the folder at `path`; make it and those above it first."""
        if path not in self._folders:
            given = self._given.get(path)
            node = self._add(given or _folder_entry(path, _DAY_ZERO, _DAY_ZERO))
            self._folders[path] = node
            if given is None:
                self._implied.append(node)
        return self._folders[path]

    def _add(self, entry: Entry) -> Node:
        self._check(entry)
        if entry.path == "/":
            return Node(entry, "", None)
        above, _, name = entry.path.rpartition("/")
        parent = self._folder(above or "/")
        if parent.deleted and not entry.deleted:
            raise TrainingError("lies in a deleted folder and is not deleted", where=entry.path)
        node = Node(entry, name, parent)
        parent.children.append(node)
        self._nodes.append(node)
        return node

    def _check(self, entry: Entry) -> None:
        names = entry.path.split("/")[1:] if entry.path != "/" else []
        if not entry.path.startswith("/") or not all(map(self._is_name, names)):
            raise TrainingError("is no absolute path", where=entry.path)
        times = (entry.created, entry.modified, entry.changed, entry.accessed)
        if not all(0 <= time < _LATEST for time in times):
            raise TrainingError("has a time before 1970 or after 2105", where=entry.path)
        if not 0 <= entry.uid < 1 << 32 or not 0 <= (entry.mode or 0) <= _MODES:
            raise TrainingError("has an impossible owner or mode", where=entry.path)
        if entry.streams and (self._volume.filesystem != "ntfs" or entry.content is None):
            raise TrainingError("has streams, which only files on NTFS keep", where=entry.path)
        if not all(map(_is_stream, entry.streams)):
            raise TrainingError("has a stream with an impossible name", where=entry.path)
        if entry.target is not None and self._volume.filesystem != "ext4":
            raise TrainingError("is a link, which only ext4 keeps here", where=entry.path)

    def _is_name(self, name: str) -> bool:
        try:
            data = name.encode()
        except UnicodeEncodeError:
            return False
        length = len(data) if self._volume.filesystem == "ext4" else len(name)
        return bool(name) and name not in {".", ".."} and "\0" not in name and length <= _MOST_NAME

    def _check_names(self, root: Node) -> None:
        folds = self._volume.filesystem != "ext4"
        for folder in (root, *(node for node in self._nodes if node.folder)):
            seen: set[str] = set()
            for child in folder.children:
                name = child.name.upper() if folds else child.name
                if not child.deleted and name in seen:
                    raise TrainingError("is there twice", where=child.entry.path)
                if not child.deleted:
                    seen.add(name)

    def _lay_slack(self) -> None:
        files = {node.entry.path: node for node in self._nodes if node.entry.content}
        for path, slack in self._volume.slack.items():
            if path not in files:
                raise TrainingError("is no file that slack could follow", where=path)
            files[path].slack = slack


def _is_stream(name: str) -> bool:
    return 0 < len(name) <= _MOST_NAME and name.isprintable() and not set(name) & set(":/\\")


def _folder_entry(path: str, created: int, modified: int) -> Entry:
    return Entry(
        path=path,
        content=None,
        created=created,
        modified=modified,
        accessed=modified,
        changed=modified,
    )


def _implied(node: Node) -> Entry:
    """Return what a folder would be had its children been made one after the other."""
    if not node.children:
        return node.entry
    created = [child.entry.created for child in node.children]
    entry = _folder_entry(node.entry.path, min(created), max(created))
    owners = {(child.entry.uid, child.entry.sid) for child in node.children}
    if node.parent is None or len(owners) > 1:
        return entry
    uid, sid = owners.pop()
    return replace(entry, uid=uid, sid=sid)
