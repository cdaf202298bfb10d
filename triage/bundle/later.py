"""What happens to a bundle after it was sealed: further custody events, further signatures.

The sealed part is never written again. Each event is a log of its own, `custody/0001.jsonl`, with
a seal of its own, `custody/0001.seal.json`; both name the SHA-256 of the seal before them, so
none can be changed, moved or dropped between two others. That the last one was dropped shows only
its seal code, kept elsewhere.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from triage import canonical
from triage.bundle import layout
from triage.bundle.keys import Signer
from triage.bundle.output import NewFile, sync_directory, writing
from triage.bundle.root import bundle_root
from triage.bundle.seal import (
    CUSTODY_SEAL,
    MAX_SEAL,
    Seal,
    make_envelope,
    make_statement,
    parse_seal,
)
from triage.bundle.tree import Tree, walk
from triage.custody import Clock, check_chain, entry, system_clock, utc_text
from triage.errors import AlteredError, BundleError

_MAX_EVENTS = 9999


def append_event(
    path: Path,
    event: str,
    data: Mapping[str, Any] | None = None,
    *,
    signer: Signer | None = None,
    clock: Clock = system_clock,
) -> Seal:
    """Add one custody event to a sealed bundle and return its seal, whose code belongs on paper.

    Raises AlteredError when the seals that stand there do not form a chain, BundleError when the
    bundle is not sealed or cannot be written. The rest of the bundle is not verified.
    """
    root = bundle_root(path)
    tree = walk(root)
    seal = parse_seal(tree.read(layout.SEAL, MAX_SEAL))
    later = check_later(tree, seal)
    number = len(later) + 1
    if number > _MAX_EVENTS:
        raise BundleError(f"has {_MAX_EVENTS} custody events; no more fit", where=str(path))
    previous = (later or (seal,))[-1].sha256
    bundle, time = str(seal.predicate.get("bundle")), clock()
    line = entry(0, previous, utc=time, bundle=bundle, event=event, data=data or {})
    digest = hashlib.sha256(line).hexdigest()
    statement = make_statement(
        CUSTODY_SEAL,
        {layout.later_log(number): digest},
        {
            "bundle": bundle,
            "contract": layout.CONTRACT_VERSION,
            "sealed": utc_text(time),
            "custody": {"length": 1, "head": digest},
            "previous": previous,
            "signer": signer.key_id if signer else None,
        },
    )
    envelope = make_envelope(statement, signer)
    with writing(root):
        (root / layout.LATER).mkdir(mode=0o700, exist_ok=True)
        _write(root / layout.later_log(number), line)
        try:
            _write(root / layout.later_seal(number), envelope)
        except BaseException:
            with suppress(OSError):  # a log without a seal would read as an altered bundle
                (root / layout.later_log(number)).unlink()
            raise
        sync_directory(root / layout.LATER)
        sync_directory(root)
    return parse_seal(envelope)


def add_signature(path: Path, signer: Signer) -> Path:
    """Sign the seal of a bundle with a further key; return the new file beside the seal.

    The seal and its code stay as they are. Raises BundleError when this key has signed already.
    """
    root = bundle_root(path)
    seal = parse_seal(walk(root).read(layout.SEAL, MAX_SEAL))
    if any(signature.fingerprint == signer.key_id for signature in seal.signatures):
        raise BundleError("this key has signed the seal already", where=str(path))
    name = layout.countersignature(hashlib.sha256(signer.public.blob).hexdigest())
    with writing(root / name):
        _write(root / name, make_envelope(seal.payload, signer))
        sync_directory(root / layout.SIGNATURES)
    return root / name


def check_later(tree: Tree, seal: Seal) -> tuple[Seal, ...]:
    """Check the events after the seal of a bundle; return their seals in order.

    Raises AlteredError naming the first file that does not continue what stands before it.
    """
    there = {path for path in tree.files if layout.later_number(path) is not None}
    seals: list[Seal] = []
    while there:
        number, previous = len(seals) + 1, seals[-1] if seals else seal
        log, envelope = layout.later_log(number), layout.later_seal(number)
        if not {log, envelope} <= there:
            raise AlteredError(f"{log} or its seal is missing", where=layout.LATER)
        there -= {log, envelope}
        found = parse_seal(tree.read(envelope, MAX_SEAL))
        _check_link(found, previous, log, tree.read(log, canonical.MAX_LINE))
        seals.append(found)
    return tuple(seals)


def _check_link(seal: Seal, previous: Seal, path: str, log: bytes) -> None:
    chain = check_chain(canonical.lines(io.BytesIO(log)), prev=previous.sha256)
    expected = {
        "bundle": previous.predicate.get("bundle"),
        "previous": previous.sha256,
        "custody": {"length": chain.length, "head": chain.head},
    }
    named = seal.predicate.get("signer")
    if (
        seal.predicate_type != CUSTODY_SEAL
        or seal.subjects != {path: hashlib.sha256(log).hexdigest()}
        or any(seal.predicate.get(name) != value for name, value in expected.items())
        or chain.bundle != expected["bundle"]
    ):
        raise AlteredError("does not continue the seal before it", where=path)
    if not all(signature.valid for signature in seal.signatures) or (
        named is not None and named not in {item.fingerprint for item in seal.signatures}
    ):
        raise AlteredError("its signature is not valid", where=path)


def _write(path: Path, data: bytes) -> None:
    with NewFile(path) as file:
        file.write(data)
