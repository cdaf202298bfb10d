"""The artifacts of the set `foreign`: real files, hidden by us, with what their origin says.

The files belong to others and are no part of this project: a folder of them is named by
TRIAGE_SAMPLES. Which they are, and what they hold, stands in `foreign.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from triage.errors import ProfileError, UsageError
from triage.strict import Reader, from_yaml
from triage.training.truth import Data
from triage.training.validation.specimen import Shown, Specimen

_MOST: Final = 200
_LARGEST: Final = 64 << 20  # bytes of a file


def foreign(samples: Path) -> Iterator[Specimen]:
    """Yield the specimens of the list. Raises UsageError naming a sample that cannot be read."""
    text = (files("triage.training.validation") / "foreign.yaml").read_text(encoding="utf-8")
    reader = Reader(from_yaml(text, "foreign.yaml"), "foreign.yaml")
    for item in reader.mappings("specimens", _MOST):
        listed = item.mapping("files")
        placed = {path: str(listed.take(path, str, "")) for path in listed.keys(_MOST)}
        yield Specimen(
            name=str(item.take("name", str, "")),
            data=Data.FOREIGN,
            files={path: _bytes(samples / name) for path, name in placed.items()},
            readable=tuple(_shown(one, placed) for one in item.mappings("shows", _MOST)),
            bare=tuple(_shown(one, placed) for one in item.mappings("bare", _MOST)),
        )
        item.done()
    reader.done()


def _shown(reader: Reader, placed: dict[str, str]) -> Shown:
    path = reader.take("path", str, None)
    if path is not None and path not in placed:
        raise ProfileError("names none of the files", where=reader.place("path"))
    match = reader.mapping("match")
    shown = Shown(
        kind=str(reader.take("kind", str, "")),
        path=path,
        match={name: match.anything(name) for name in match.keys(_MOST)},
    )
    reader.done()
    return shown


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise UsageError(f"cannot read the sample: {error.strerror}", where=str(path)) from error
