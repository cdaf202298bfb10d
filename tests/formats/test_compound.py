from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.formats.memory import Memory
from triage.errors import LimitError, ParseError
from triage.formats import compound
from triage.formats.compound import Compound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PATH = Path(__file__).parents[2] / "fixtures/build/compound_file.py"


def writer() -> Callable[[Mapping[str, bytes]], bytes]:
    spec = importlib.util.spec_from_file_location("compound_file", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.compound  # type: ignore[no-any-return]


MADE = writer()({"One/inner": b"a" * 100, "One/other": b"", "large": b"b" * 9000})


def test_reads_streams_of_both_sizes() -> None:
    found = Compound(Memory(MADE))
    assert set(found.streams) == {("One", "inner"), ("One", "other"), ("large",)}
    assert found.read("one", "INNER") == b"a" * 100
    assert found.read("One", "other") == b""
    assert (found.size("large"), found.read("large", limit=10)) == (9000, b"b" * 10)
    assert (found.size("none"), found.read("none")) == (None, None)
    assert (found.below(), found.below("ONE")) == (("large", "one"), ("inner", "other"))


@pytest.mark.parametrize("data", [b"", MADE[:600], b"\0" + MADE[1:], b"x" * 2000])
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        Compound(Memory(data))


@pytest.mark.parametrize("kept", [1600, 4000, len(MADE) - 512])
def test_cut_short_is_an_error_of_ours(kept: int) -> None:
    with pytest.raises(ParseError):
        Compound(Memory(MADE[:kept])).read("large")


def test_a_table_that_leads_in_circles_ends() -> None:
    table = int.from_bytes(MADE[76:80], "little")
    at = 512 * (table + 1)
    # The first sector of the first long stream is followed by itself.
    circle = MADE[:at] + struct.pack("<I", 0) + MADE[at + 4 :]
    assert Compound(Memory(circle)).read("large") == (b"b" * 512 * 18)[:9000]


def test_too_large_is_said_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compound, "LIMIT", len(MADE) - 1)
    with pytest.raises(LimitError):
        Compound(Memory(MADE))
