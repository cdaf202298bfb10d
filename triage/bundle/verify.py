"""Whether a bundle is what was sealed, and what shows who made it.

Stricter than BagIt: the files on the disk must be exactly those that the manifests list, the
manifests exactly those that the seal names, and every record must be canonical, sorted and unique.
A check that could not be done is `not-done`, never `pass`.

Not covered: empty folders, times and modes of the files. Not detectable from inside: a bundle
rebuilt whole. Only what is kept elsewhere shows that: a trust file, or the seal code on paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from triage import canonical
from triage.bundle import bag, layout, redacted, sshsig, stamp
from triage.bundle.keys import TrustedKey, find_trusted
from triage.bundle.later import check_later
from triage.bundle.root import bundle_root
from triage.bundle.seal import BUNDLE_SEAL, MAX_SEAL, Seal, normal_code, parse_seal
from triage.bundle.tree import Tree, walk
from triage.bundle.verification import Check, Outcome, Verification, conclude
from triage.custody import check_chain
from triage.errors import AlteredError, BundleError, ParseError, TriageError
from triage.hashing import sha256

_MAX_MANIFEST = 2**29
_MAX_TAG = 2**20
_SHOWN = 5


def verify(
    path: Path,
    *,
    seal_code: str | None = None,
    trust: Sequence[TrustedKey] | None = None,
    require_signature: bool = False,
    finding_id: Callable[[dict[str, Any]], str] | None = None,
    openings: Sequence[redacted.Opening] = (),
    tsa_roots: stamp.Roots | None = None,
) -> Verification:
    """Check a bundle against itself and against what was kept elsewhere.

    `seal_code` may be that of the bundle or of its latest custody event. With `trust` a signature
    must come from one of these keys. `finding_id` computes the id that a record must have. Each of
    `openings` must be of something that was taken out. With `tsa_roots` a time stamp must be there
    and lead to one of them.

    Raises BundleError when `path` is not a finished bundle or cannot be read, UsageError when
    `seal_code` cannot be one. What was altered is not raised but in the result.
    """
    code = normal_code(seal_code) if seal_code is not None else None
    return _Verifier(
        walk(bundle_root(path)),
        code=code,
        trust=trust,
        require_signature=require_signature,
        finding_id=finding_id,
        openings=openings,
        tsa_roots=tsa_roots,
    ).run()


class _NotDoneError(Exception):
    """A check that could not be done, or was not asked for."""


class _Verifier:
    def __init__(
        self,
        tree: Tree,
        *,
        code: str | None,
        trust: Sequence[TrustedKey] | None,
        require_signature: bool,
        finding_id: Callable[[dict[str, Any]], str] | None,
        openings: Sequence[redacted.Opening],
        tsa_roots: stamp.Roots | None,
    ) -> None:
        self.tree = tree
        self.code = code
        self.trust = trust
        self.require_signature = require_signature
        self.finding_id = finding_id
        self.openings = openings
        self.tsa_roots = tsa_roots
        self.stamped: stamp.Stamp | None = None
        self.checks: list[Check] = []
        self.seal: Seal | None = None
        self.later: tuple[Seal, ...] = ()
        self.payload: dict[str, str] | None = None
        self.tags: dict[str, str] | None = None
        self.counts: dict[str, int] = {}
        self.wrong_ids: list[str] = []
        self.unexported: list[str] = []
        self.commitments: set[str] = set()
        self.wrong_redactions: list[str] = []
        self.signers: list[str] = []
        self.trusted: TrustedKey | None = None
        self.anchored = False

    def run(self) -> Verification:
        self._check("seal", self._seal)
        self._check("manifest", self._manifest)
        self._check("tagmanifest", self._tagmanifest)
        self._check("tree", self._tree)
        self._check("declaration", self._declaration)
        self._check("size", self._size)
        self._check("content", self._content)
        self._check("run", self._run)
        for path in layout.RECORDS:
            self._check(_short(path), partial(self._records, path))
        self._check("finding-ids", self._finding_ids)
        self._check("exported", self._exported)
        self._check("redactions", self._redactions)
        self._check("custody", self._custody)
        self._check("later-custody", self._later)
        self._check("totals", self._totals)
        self._check("signature", self._signature)
        self._check("signed", self._signed)
        self._check("trust", self._trust)
        self._check("seal-code", self._seal_code)
        self._check("time-stamp", self._time_stamp)
        return conclude(
            self.checks,
            seal=self.seal,
            later=self.later,
            signers=self.signers,
            trusted=self.trusted,
            anchored=self.anchored,
            stamped=self.stamped,
        )

    def _check(self, name: str, check: Callable[[], str]) -> None:
        try:
            outcome, detail = Outcome.PASS, check()
        except _NotDoneError as error:
            outcome, detail = Outcome.NOT_DONE, str(error)
        except (AlteredError, ParseError) as error:
            outcome, detail = Outcome.FAIL, str(error)
        except OSError as error:
            raise BundleError(f"cannot read: {error.strerror}", where=name) from error
        self.checks.append(Check(name=name, outcome=outcome, detail=detail))

    def _seal(self) -> str:
        seal = parse_seal(self.tree.read(layout.SEAL, MAX_SEAL))
        if seal.predicate_type != BUNDLE_SEAL:
            raise AlteredError("the seal is not one of a bundle", where=layout.SEAL)
        if set(seal.subjects) != {layout.MANIFEST, layout.TAGMANIFEST}:
            raise AlteredError("the seal does not name the two manifests", where=layout.SEAL)
        self.seal = seal
        contract = seal.predicate.get("contract")
        if isinstance(contract, int) and contract > layout.CONTRACT_VERSION:
            raise BundleError(f"is of format {contract}, too new for this version to check")
        if contract != layout.CONTRACT_VERSION:
            raise AlteredError("the seal is of another version of the format", where=layout.SEAL)
        if not isinstance(seal.predicate.get("incomplete"), bool):
            raise AlteredError("the seal does not say whether the run was complete")
        return f"seal of {seal.sealed:%Y-%m-%d %H:%M:%S} UTC, by its own claim"

    def _manifest(self) -> str:
        data = self._sealed_file(layout.MANIFEST)
        self.payload = bag.parse_manifest(data, payload=True)
        return f"lists {len(self.payload)} files, as sealed"

    def _tagmanifest(self) -> str:
        data = self._sealed_file(layout.TAGMANIFEST)
        self.tags = bag.parse_manifest(data, payload=False)
        if tuple(self.tags) != layout.SEALED_TAGS:
            raise AlteredError(f"does not list {', '.join(layout.SEALED_TAGS)} and nothing else")
        return "lists the bag's own files, as sealed"

    def _sealed_file(self, path: str) -> bytes:
        data = self.tree.read(path, _MAX_MANIFEST)
        seal = _needed(self.seal, "there is no readable seal")
        if sha256(data) != seal.subjects[path]:
            raise AlteredError("is not the file that was sealed", where=path)
        return data

    def _tree(self) -> str:
        listed = {layout.TAGMANIFEST, layout.SEAL, *layout.SEALED_TAGS}
        listed |= set(_needed(self.payload, "the manifest could not be used"))
        problems = list(self.tree.problems)
        problems += [f"{path} is missing" for path in sorted(listed - set(self.tree.files))]
        problems += [
            f"{path} does not belong to the bundle"
            for path in sorted(set(self.tree.files) - listed)
            if not (
                path in layout.DETACHED
                or layout.is_countersignature(path)
                or layout.later_number(path)
            )
        ]
        if problems:
            raise AlteredError(_some(problems))
        return f"{len(self.tree.files)} files, all listed, no links"

    def _declaration(self) -> str:
        if self.tree.read(layout.BAGIT_TXT, _MAX_TAG) != bag.BAGIT_TXT:
            raise AlteredError("not that of a BagIt 1.0 bag", where=layout.BAGIT_TXT)
        return "BagIt 1.0"

    def _size(self) -> str:
        sizes = [node.size for path, node in self.tree.files.items() if path.startswith("data/")]
        there = {"files": len(sizes), "bytes": sum(sizes)}
        files, size = bag.parse_oxum(self.tree.read(layout.BAG_INFO, _MAX_TAG))
        if there != {"files": files, "bytes": size}:
            raise AlteredError(f"{files} files of {size} bytes declared, there are {there}")
        seal = _needed(self.seal, "there is no readable seal")
        if seal.predicate.get("payload") != there:
            raise AlteredError("files and bytes are not those of the seal")
        return f"{files} files, {size} bytes, as sealed"

    def _content(self) -> str:
        payload = _needed(self.payload, "the manifest could not be used")
        digests = payload | _needed(self.tags, "the tag manifest could not be used")
        # A file blown up to terabytes is refused by the size check; do not read it all as well.
        left = _declared_bytes(self.seal) + self.tree.files[layout.MANIFEST].size + _MAX_TAG
        changed: list[str] = []
        for path, digest in digests.items():
            if path not in self.tree.files:
                continue  # the tree check says so
            left -= self.tree.files[path].size
            if left < 0:
                changed.append(f"{path} and what follows was not read: more than was sealed")
                break
            if self.tree.sha256(path) != digest:
                changed.append(f"{path} was changed")
        if changed:
            raise AlteredError(_some(changed))
        return f"{len(digests)} files have the SHA-256 that was sealed"

    def _run(self) -> str:
        data = self.tree.read(layout.RUN, canonical.MAX_LINE)
        if not isinstance(canonical.decode(data.removesuffix(b"\n")), dict):
            raise AlteredError("not an object", where=layout.RUN)
        return "canonical JSON"

    def _records(self, path: str) -> str:
        field, previous, number = layout.RECORDS[path], b"", 0
        with self.tree.open(path) as file:
            for number, line in enumerate(canonical.lines(file), 1):
                try:
                    record = canonical.decode(line[:-1])
                    if not isinstance(record, dict):
                        raise AlteredError("not an object")
                    key = _key(record, line, field)
                    if key < previous or (field and key == previous):
                        raise AlteredError("not sorted, or there twice")
                except TriageError as error:
                    raise AlteredError(error.message, where=f"{path} line {number}") from error
                previous = key
                self._look(path, record)
        self.counts[_short(path)] = number
        return f"{number} records, canonical, sorted" + (", unique" if field else "")

    def _look(self, path: str, record: dict[str, Any]) -> None:
        if path == layout.FINDINGS and self.finding_id:
            try:
                expected = self.finding_id(record)
            except Exception:  # noqa: BLE001 - a hostile record may break it in any way
                expected = ""
            if expected != record["id"]:
                self.wrong_ids.append(ascii(record["id"]))
        if path == layout.FINDINGS:
            try:
                self.commitments.update(redacted.commitments_of(record))
            except AlteredError:
                self.wrong_redactions.append(ascii(record["id"]))
        exported = record.get("exported")
        if path == layout.FILES and exported is not None and not self._is_exported(exported):
            self.unexported.append(f"{exported!a} of {record['key']!a} is missing")

    def _is_exported(self, path: object) -> bool:
        return (
            isinstance(path, str)
            and layout.exported_sha256(path) is not None
            and path in (self.payload or ())
        )

    def _finding_ids(self) -> str:
        if not self.finding_id:
            raise _NotDoneError("the recipe for ids was not given")
        if "findings" not in self.counts:
            raise _NotDoneError("the findings could not be read")
        if self.wrong_ids:
            raise AlteredError(f"ids do not fit their content: {_some(self.wrong_ids)}")
        return "every id fits its content"

    def _exported(self) -> str:
        payload = _needed(self.payload, "the manifest could not be used")
        if "files" not in self.counts:
            raise _NotDoneError("the file records could not be read")
        stored = [path for path in payload if path.startswith(f"{layout.EXPORTED}/")]
        wrong = list(self.unexported)
        for path in stored:
            name = layout.exported_sha256(path)
            if name is None:
                wrong.append(f"{path} has no name of exported evidence")
            elif name != (payload[path], False) and not name[1]:
                wrong.append(f"{path} does not hold what its name says")
        if wrong:
            raise AlteredError(_some(wrong))
        return f"{len(stored)} exported files, under the names of their content"

    def _redactions(self) -> str:
        if layout.REDACTIONS not in self.tree.files:
            if self.commitments or self.wrong_redactions:
                raise AlteredError("findings were redacted, and the commitments are missing")
            if self.openings:
                raise AlteredError("openings were given, and nothing was taken out")
            raise _NotDoneError("nothing was taken out")
        with self.tree.open(layout.REDACTIONS) as file:
            made = redacted.parse_redactions(canonical.lines(file))
        if self.wrong_redactions:
            raise AlteredError(
                f"do not say what they were made from: {_some(self.wrong_redactions)}"
            )
        if not self.commitments <= made:
            raise AlteredError("a finding commits to something that is not listed")
        source = _needed(self.seal, "there is no readable seal").predicate.get("redacted_from")
        if not isinstance(source, dict):
            raise AlteredError("the seal does not say from which bundle this was made")
        opened = self._opened(made)
        return (
            f"{len(made)} commitments; made from the bundle with seal code "
            f"{bag.single_line(str(source.get('seal_code')))}{opened}"
        )

    def _opened(self, made: frozenset[str]) -> str:
        if not self.openings:
            return ""
        wrong = [ascii(o.what) for o in self.openings if o.commitment not in made]
        if wrong:
            raise AlteredError(f"openings of something else: {_some(wrong)}")
        return f"; {len(self.openings)} opened: what was given stood there"

    def _custody(self) -> str:
        with self.tree.open(layout.CUSTODY) as file:
            chain = check_chain(canonical.lines(file))
        seal = _needed(self.seal, "there is no readable seal")
        if seal.predicate.get("bundle") != chain.bundle:
            raise AlteredError("the log is of another bundle", where=layout.CUSTODY)
        if seal.predicate.get("custody") != {"length": chain.length, "head": chain.head}:
            raise AlteredError("length or head of the log is not that of the seal")
        return f"{chain.length} entries, unbroken up to the head that was sealed"

    def _later(self) -> str:
        seal = _needed(self.seal, "there is no readable seal")
        self.later = check_later(self.tree, seal)
        signed = sum(1 for later in self.later if later.signatures)
        return f"{len(self.later)} events after the seal, unbroken, {signed} of them signed"

    def _totals(self) -> str:
        predicate = _needed(self.seal, "there is no readable seal").predicate
        payload = _needed(self.payload, "the manifest could not be used")
        if len(self.counts) < len(layout.RECORDS):
            raise _NotDoneError("not all records could be read")
        if predicate.get("counts") != self.counts:
            raise AlteredError("the numbers of records are not those of the seal")
        named = (layout.RUN, *layout.RECORDS, layout.CUSTODY)
        if predicate.get("sha256") != {_short(path): payload.get(path) for path in named}:
            raise AlteredError("the hashes of the records are not those of the seal")
        return ", ".join(f"{number} {name}" for name, number in self.counts.items())

    def _signature(self) -> str:
        seal = _needed(self.seal, "there is no readable seal")
        signatures = list(seal.signatures)
        for path in filter(layout.is_countersignature, sorted(self.tree.files)):
            other = parse_seal(self.tree.read(path, MAX_SEAL))
            if other.payload != seal.payload or not other.signatures:
                raise AlteredError("does not sign the statement of this bundle", where=path)
            signatures += other.signatures
        bad = [item.fingerprint for item in signatures if not item.valid]
        if bad:
            raise AlteredError(f"not a valid signature by {_some(bad)}")
        named = seal.predicate.get("signer")
        if named is not None and named not in {item.fingerprint for item in seal.signatures}:
            raise AlteredError("the signature that the seal speaks of is gone")
        self.signers = [item.fingerprint for item in signatures]
        if layout.SSH_SIGNATURE in self.tree.files:
            detached = self.tree.read(layout.SSH_SIGNATURE, sshsig.MAX_SIGNATURE)
            self.signers.append(sshsig.check(detached, self.tree.read(layout.SEAL, MAX_SEAL)))
        if not self.signers:
            raise _NotDoneError("the bundle is not signed")
        return f"valid, by {_some(self.signers)}"

    def _signed(self) -> str:
        if not self.require_signature and self.trust is None:
            raise _NotDoneError("no signature was demanded")
        if not self.signers:
            raise AlteredError("a signature was demanded, and no valid one is there")
        return "a signature was demanded, and is there"

    def _trust(self) -> str:
        if self.trust is None:
            raise _NotDoneError("no trust file was given")
        at = _needed(self.seal, "there is no readable seal").sealed
        for fingerprint in self.signers:
            self.trusted = self.trusted or find_trusted(self.trust, fingerprint, at)
        if self.trusted is None:
            raise AlteredError("no signature by a key that the trust file has for that time")
        return f"signed by {bag.single_line(self.trusted.identity)}"

    def _seal_code(self) -> str:
        if self.code is None:
            raise _NotDoneError("no seal code was given")
        seal = _needed(self.seal, "there is no readable seal")
        if self.code == seal.code:
            self.anchored = True
            return "is that of the bundle"
        for number, later in enumerate(self.later, 1):
            if self.code == later.code:
                self.anchored = True
                return f"is that of custody event {number}, which covers all before it"
        raise AlteredError("differs: this is not the bundle whose code was written down")

    def _time_stamp(self) -> str:
        if layout.STAMP not in self.tree.files:
            if self.tsa_roots is not None:
                raise AlteredError("a time stamp was demanded, and there is none")
            raise _NotDoneError("there is none")
        token = self.tree.read(layout.STAMP, stamp.MAX_TOKEN)
        try:
            found = stamp.check(token, self.tree.read(layout.SEAL, MAX_SEAL), self.tsa_roots)
        except ParseError as error:
            if self.tsa_roots is not None:
                raise
            raise _NotDoneError(str(error)) from error
        said = f"{found.time:%Y-%m-%d %H:%M:%S} UTC by {bag.single_line(found.authority)}"
        if not found.verified:
            raise _NotDoneError(f"of this seal, {said}: no certificate was given to check it with")
        self.stamped = found
        return f"the seal existed at {said}"


_T = TypeVar("_T")


def _needed(value: _T | None, reason: str) -> _T:
    if value is None:
        raise _NotDoneError(reason)
    return value


def _key(record: dict[str, Any], line: bytes, field: str | None) -> bytes:
    if field is None:
        return line
    key = record.get(field)
    if not isinstance(key, str) or not key:
        raise AlteredError(f"has no {field}")
    return key.encode("utf-8")


def _declared_bytes(seal: Seal | None) -> int:
    payload = _needed(seal, "there is no readable seal").predicate.get("payload")
    declared = payload.get("bytes") if isinstance(payload, dict) else None
    if not isinstance(declared, int):
        raise AlteredError("the seal does not say how many bytes it covers")
    return declared


def _short(path: str) -> str:
    return path.removeprefix("data/").partition(".")[0]


def _some(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return "; ".join(items[:_SHOWN]) + more
