"""Which validation a run rests on: a signed statement that `triage validate` wrote, or none.

The statement is a DSSE envelope around an in-toto Statement, like the seal of a bundle; its subject
is `validation.json`, its predicate the method it speaks of. A run of another method does not rest
on it, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from triage.bundle.seal import MAX_SEAL, Seal, parse_seal
from triage.engine.method import this_method
from triage.errors import AlteredError, UsageError
from triage.hashing import sha256

VALIDATION: Final = "urn:disk-triage:validation:1"
"""Type of the predicate: `method` (with its `digest`), `sealed` (UTC), `sets`, `figures`."""
RESULTS: Final = "validation.json"
STATEMENT_SUFFIX: Final = ".statement.json"

NONE: Final = "none"
_MOST = 1000  # statements of a folder
_LARGEST = 256 * 2**20  # bytes of validation.json


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What `run.json` says under `validation`.

    statement: SHA-256 of the statement's file, or `none`; why: in the latter case.
    sealed: UTC; sets: what was measured; signers: fingerprints of keys with a valid signature.
    """

    statement: str
    why: str | None = None
    sealed: str | None = None
    sets: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()


def basis(place: Path | None) -> Basis:
    """Return the newest statement about this very method in a file, or in a folder and below.

    Raises UsageError when there is no statement at all, and AlteredError when one has a bad
    signature, or the `validation.json` beside it is another one.
    """
    if place is None:
        return Basis(statement=NONE, why="no validation was given")
    found = [_read(path) for path in _statements(place)]
    if not found:
        raise UsageError(f"holds no *{STATEMENT_SUFFIX}", where=str(place))
    wanted = this_method().digest
    own = [seal for seal in found if _method(seal) == wanted]
    if not own:
        return Basis(statement=NONE, why=f"{len(found)} given, of other versions or libraries")
    seal = max(own, key=lambda seal: (seal.sealed, seal.sha256))
    return Basis(
        statement=seal.sha256,
        sealed=str(seal.predicate["sealed"]),
        sets=tuple(str(name) for name in seal.predicate.get("sets", ())),
        signers=tuple(signature.fingerprint for signature in seal.signatures),
    )


def _statements(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for pattern in (f"*{STATEMENT_SUFFIX}", f"*/*{STATEMENT_SUFFIX}"):
        yield from sorted(place.glob(pattern))[:_MOST]


def _read(path: Path) -> Seal:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SEAL + 1)
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path)) from error
    try:
        seal = parse_seal(data[:MAX_SEAL])
        seal.sealed  # noqa: B018 - one that does not say when is refused
    except AlteredError as error:
        raise AlteredError(f"not a statement: {error.message}", where=str(path)) from error
    if seal.predicate_type != VALIDATION:
        raise UsageError("is a statement of another type", where=str(path))
    if not all(signature.valid for signature in seal.signatures):
        raise AlteredError("has a bad signature", where=str(path))
    beside = path.with_name(RESULTS)
    if beside.is_file() and sha256(_results(beside)) != seal.subjects.get(RESULTS):
        raise AlteredError(f"is not the statement about the {RESULTS} beside it", where=str(path))
    return seal


def _results(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST)


def _method(seal: Seal) -> Any:
    method = seal.predicate.get("method")
    return method.get("digest") if isinstance(method, dict) else None
