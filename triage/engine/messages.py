"""What parent and worker say to each other.

A request is answered by any number of replies, the last of them `Done` or `Failed`. Everything a
worker says is untrusted: a parser in it may have been taken over by the evidence. The parent
decodes against these types and uses only what it can check.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from triage.credentials import Credential
from triage.engine.sandbox import SandboxLevel
from triage.evidence.locks import VolumeKey
from triage.model import ByteRun, Entry, ImageInfo, Volume, Walker

PLACES = 8
"""The places of a volume begin behind its index at a multiple of this many bytes."""


class Request(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of requests."""


class Open(Request, frozen=True, kw_only=True):
    """Open the image, load the extractors, lock the process. Always the first request."""

    path: str
    allow_incomplete: bool
    allow_writable_device: bool
    walker: Walker = Walker.AUTO
    plugins: str
    extractors: tuple[str, ...]  # names; pattern numbers count through their paths in this order
    limits: dict[str, int]  # fields of profile.Limits
    index_fd: int | None  # memory shared by all workers; None: this is the only worker
    place_fd: int | None = None  # page in which this worker leaves where it is (see `place`)
    require_sandbox: bool = False  # parse nothing when a layer of the sandbox is missing
    send_secrets: bool  # there is a recipient to seal them to
    may_decrypt: bool = False  # with keys that lie on the image
    send_locks: bool = False  # instead of findings: for `export --to hashcat`
    credentials: tuple[Credential, ...] = ()  # given; none where the profile forbids them
    keys: tuple[VolumeKey, ...] = ()  # of locked volumes
    keywords: tuple[str, ...] = ()
    rules: str | None = None  # of YARA


class Unlock(Request, frozen=True, kw_only=True):
    """Try the credentials on locked volumes, and keys that lie on the image if they may be used."""


class WalkVolume(Request, frozen=True, kw_only=True):
    """Walk a volume and put its index into the shared memory at `at`."""

    volume: int
    at: int  # byte offset
    avoid: tuple[tuple[int, str], ...] = ()  # metadata address that killed workers, and how


class Attach(Request, frozen=True, kw_only=True):
    """Use an index that another worker made."""

    volume: int
    at: int
    length: int
    places: int  # bytes of the places behind it, 0: there are none


class Facts(Request, frozen=True, kw_only=True):
    """The facts of the first round, complete and sorted."""

    facts: tuple[FactMessage, ...]


class Extract(Request, frozen=True, kw_only=True):
    """Run one extractor over one artifact."""

    extractor: str
    volume: int
    row: int


class Recognise(Request, frozen=True, kw_only=True):
    """Look at the first bytes of some files of a volume, in the order in which they lie there."""

    volume: int
    first: int  # of the files that may be looked at
    count: int
    exclude: tuple[str, ...] = ()  # patterns of the scope: nothing of these files is read
    accounts: tuple[str, ...] = ()  # of the scope; none: of everybody
    avoid: tuple[int, ...] = ()  # rows at which workers were lost


class FindDisks(Request, frozen=True, kw_only=True):
    """Say which files of a volume may be disks: by their names, or also by their first bytes."""

    volume: int
    names: tuple[str, ...]  # patterns
    by_content: bool


class LookInside(Request, frozen=True, kw_only=True):
    """Say which volumes the disk in a file has; with `keep` they come behind the others."""

    volume: int
    row: int
    name: str  # of the disk among the volumes
    keep: bool


class ScanScope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose files may be scanned."""

    exclude: tuple[str, ...] = ()  # patterns
    accounts: tuple[str, ...] = ()  # none: everybody's


class ScanPart(msgspec.Struct, frozen=True, kw_only=True):
    """Some files of a volume's plan; with one file longer than a part, where in it."""

    first: int
    count: int
    at: int = 0


class PlanScan(Request, frozen=True, kw_only=True):
    """Divide the files of a volume into parts, and say what of it is free."""

    volume: int
    scope: ScanScope


class ScanFiles(Request, frozen=True, kw_only=True):
    """Look through the content of some files."""

    volume: int
    scope: ScanScope
    part: ScanPart
    avoid: tuple[int, ...] = ()  # rows at which workers were lost


class ScanSpace(Request, frozen=True, kw_only=True):
    """Look through some stretches of the media; what begins at bytes `first` to `last` counts."""

    within: str | None = None  # the layer in which they count; None: the media
    stretches: bytes  # packed extents
    first: int
    last: int


class CheckSpace(Request, frozen=True, kw_only=True):
    """Ask the rules about some stretches of the media, each for itself; else like ScanSpace."""

    within: str | None = None
    stretches: bytes
    first: int
    last: int


class CheckFiles(Request, frozen=True, kw_only=True):
    """Hash whole files, and ask the rules about them."""

    volume: int
    scope: ScanScope
    part: ScanPart
    algorithms: tuple[str, ...]
    avoid: tuple[int, ...] = ()


class ReadFiles(Request, frozen=True, kw_only=True):
    """Say what some rows are; hash their content if asked to."""

    volume: int
    rows: tuple[int, ...]
    digests: bool


class Export(Request, frozen=True, kw_only=True):
    """Send a part of the content of one file: a large one never stands in memory as a whole."""

    volume: int
    row: int
    offset: int
    length: int


class Reread(Request, frozen=True, kw_only=True):
    """Hash a file again, through the second reader."""

    volume: int
    address: str
    path: bytes
    size: int  # bytes


class HashMedia(Request, frozen=True, kw_only=True):
    """Hash the media from end to end."""

    algorithms: tuple[str, ...]


class FactMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A fact on its way to a worker."""

    kind: str
    finding: dict[str, Any]
    volume: str
    path: str


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of replies."""


class Opened(Reply, frozen=True, kw_only=True):
    """The image is open and the process is locked."""

    info: ImageInfo
    volumes: tuple[Volume, ...]
    missing: tuple[tuple[int, int], ...]  # byte ranges of the media that are not there
    unreadable: tuple[tuple[int, int], ...]  # those that the imager could not read and filled
    damage: str | None = None  # why the image opens only with `allow_incomplete`
    sandbox: SandboxLevel


class Unlocked(Reply, frozen=True, kw_only=True):
    """Keys that were found; `problems` are volumes and why not everything was tried."""

    keys: tuple[VolumeKey, ...]
    problems: tuple[tuple[str, str], ...]


class Progress(Reply, frozen=True, kw_only=True):
    """Still working: entries walked or bytes hashed."""

    done: int


class Matched(Reply, frozen=True, kw_only=True):
    """A row that patterns ask for, with the numbers of these patterns."""

    row: int
    entry: Entry
    patterns: tuple[int, ...]
    unchanged: bool = False  # since the snapshot: it stands in the live volume as well


class Recognised(Reply, frozen=True, kw_only=True):
    """A file that passes tests on its content, with the numbers of these tests."""

    row: int
    entry: Entry
    tests: tuple[int, ...]


class Unread(Reply, frozen=True, kw_only=True):
    """A file whose first bytes could not be read, or not understood."""

    row: int
    entry: Entry
    code: str  # unreadable, bad_chunk, not_parsed


class Looked(Reply, frozen=True, kw_only=True):
    """How many files were looked at, and how many of the volume the scope leaves out."""

    examined: int
    left_out: int


class Found(Reply, frozen=True, kw_only=True):
    """A finding, to be checked against the dataclass of its kind."""

    kind: str
    finding: dict[str, Any]


class Planned(Reply, frozen=True, kw_only=True):
    """How a volume can be scanned; `free` is None where nobody knows."""

    parts: tuple[ScanPart, ...]
    files: int
    size: int  # bytes to be scanned
    left_out: int  # files outside of the scope
    cut: int  # files longer than the limit
    free: bytes | None = None  # packed extents
    unit: int = 1  # bytes of a cluster
    base: int = 0  # byte from which clusters count


class DiskFound(Reply, frozen=True, kw_only=True):
    """A file that may be a disk."""

    row: int
    path: str
    address: str


class InDisk(Reply, frozen=True, kw_only=True):
    """What the disk in a file holds."""

    volumes: tuple[Volume, ...]
    parts: tuple[int, ...]  # rows of other files that it needs
    problem: str | None  # why it is not read, though it says that it is a disk


class Sighted(Reply, frozen=True, kw_only=True):
    """Something that stands in a file, or on the media outside of files."""

    row: int | None
    member: tuple[str, ...] = ()  # names that lead into an archive that the row is
    first: int  # byte of the file or of the media
    count: int
    runs: tuple[ByteRun, ...]  # of the first places
    bad: bool  # in bytes whose checksum does not fit
    found: Found


class MoreSeen(Reply, frozen=True, kw_only=True):
    """Places of things that are not listed, since there are too many."""

    row: int | None
    member: tuple[str, ...] = ()
    count: int


class Inside(Reply, frozen=True, kw_only=True):
    """The archives of a part were opened."""

    archives: int
    members: int
    size: int  # bytes that came out
    unread: int  # members that could not be opened
    cut: int  # archives at which a limit was met


class Scanned(Reply, frozen=True, kw_only=True):
    """A part is done."""

    files: int
    size: int  # bytes
    unread: int  # bytes that could not be read
    unread_deleted: int  # those of deleted files
    overwritten: int  # bytes of deleted files that others have now
    laid: bytes  # rows, starts and ends of content on the media, as 64-bit numbers


class Digested(Reply, frozen=True, kw_only=True):
    """The digests of one file."""

    row: int
    hashes: dict[str, str]


class Checked(Reply, frozen=True, kw_only=True):
    """The files or stretches of a part were checked."""

    size: int  # bytes
    cut: int  # files longer than a limit
    unread: int  # files in use, or stretches, that could not be read
    failed: int  # files or stretches for which the rules took too long


class Walked(Reply, frozen=True, kw_only=True):
    """The index stands in shared memory."""

    entries: int
    at: int
    length: int
    places: int  # bytes behind it: where the content of each row begins; 0: not known
    sha256: str  # of the index: tells whether a run that goes on sees the same names
    problems: tuple[tuple[str, str, bool], ...]  # code, path, whether it counts
    notes: tuple[tuple[str, str, str | None], ...]  # code, path, name as stored
    bad: tuple[tuple[int, int], ...]  # ranges met so far whose checksum did not fit
    mark: str | None = None  # name of a file at the root that marks training images

    @property
    def span(self) -> int:
        """Bytes of the index and its places together."""
        return self.length + -self.length % PLACES + self.places


class Locked(Reply, frozen=True, kw_only=True):
    """What a password can be tried against."""

    line: str
    hashcat: int | None
    john: str | None
    place: str | None


class FileRead(Reply, frozen=True, kw_only=True):
    """A file that was opened on the way, with its digests."""

    row: int
    entry: Entry
    hashes: dict[str, str]  # empty when not read to the end
    runs: tuple[ByteRun, ...]
    read: Literal["complete", "partial", "bad_chunk", "short"]
    secret: bool = False  # a checksum-valid seed, key or token stands in it
    mime: str | None = None  # by its first bytes


class Trouble(Reply, frozen=True, kw_only=True):
    """Something odd; the work goes on."""

    code: str
    text: str
    locator: str | None = None


class Chunk(Reply, frozen=True, kw_only=True):
    """Content of an exported file, in order."""

    data: bytes


class Hashed(Reply, frozen=True, kw_only=True):
    """Digests of the media; `bad` are ranges whose checksum did not fit."""

    hashes: dict[str, str]
    length: int
    bad: tuple[tuple[int, int], ...]


class Done(Reply, frozen=True, kw_only=True):
    """The request is finished."""


class Failed(Reply, frozen=True, kw_only=True):
    """The request could not be carried out; `error` is a name from `triage.errors`."""

    code: str
    text: str
    error: str = "TriageError"


AnyRequest: TypeAlias = (
    Open
    | Unlock
    | WalkVolume
    | Attach
    | Facts
    | Recognise
    | FindDisks
    | LookInside
    | PlanScan
    | ScanFiles
    | ScanSpace
    | CheckSpace
    | CheckFiles
    | ReadFiles
    | Extract
    | Export
    | Reread
    | HashMedia
)
AnyReply: TypeAlias = (
    Opened
    | Unlocked
    | Progress
    | Matched
    | Recognised
    | Unread
    | Looked
    | DiskFound
    | InDisk
    | Planned
    | Sighted
    | MoreSeen
    | Inside
    | Scanned
    | Digested
    | Checked
    | Walked
    | Found
    | Locked
    | FileRead
    | Trouble
    | Chunk
    | Hashed
    | Done
    | Failed
)
SaidReply: TypeAlias = Found | Trouble | Sighted | MoreSeen | Inside | Scanned | Checked
