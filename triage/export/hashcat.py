"""Lines for hashcat and john, one a locked store, each below a comment that says what it is."""

from __future__ import annotations

import re
from typing import Final

from triage.console.safe import safe
from triage.engine.locks import Locks

_LINE: Final = re.compile(r"[\x21-\x7e]{8,4000000}")


def hash_lines(locks: Locks) -> bytes:
    """Return the file: comments begin with `#`, which both programs pass over with a warning.

    The lines of one mode stand together. A line that no such program could take is left out, as a
    worker that was taken over could have made it.
    """
    out = [
        "# Cracking material: whoever has it can try passwords. A program takes the lines of one",
        "# mode: grep -A1 'hashcat -m N ' FILE | grep -v '^[#-]', with the number for N.",
    ]
    stores = sorted(
        locks.stores,
        key=lambda store: (store.lock.hashcat or 0, store.volume, store.path, store.lock.line),
    )
    for store in stores:
        lock = store.lock
        if not _LINE.fullmatch(lock.line):
            continue
        programs = [
            *([f"hashcat -m {lock.hashcat}"] if lock.hashcat is not None else []),
            *([f"john --format={lock.john}"] if lock.john is not None else []),
        ]
        place = f", {safe(lock.place)}" if lock.place else ""
        what = f"{safe(store.software)}: {store.volume}{safe(store.path)}{place}"
        out += ["", f"# {' | '.join(programs)} | {store.finding} | {what}", lock.line]
    out += [
        line
        for finding, path, why in locks.without
        for line in ("", f"# none | {finding} | {safe(path)}: {safe(why)}")
    ]
    return ("\n".join(out) + "\n").encode("utf-8")
