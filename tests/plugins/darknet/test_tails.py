"""Tails: the settings of an open persistent storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugins.darknet.tails import persistence
from triage.api import ParseError

Extract = Callable[..., Any]


def test_sources_and_whether_they_are_there(extract: Extract) -> None:
    text = (
        b"# note\n/home/amnesia/.gnupg source=gnupg\n/var/lib/apt/lists source=apt/lists\n"
        b"/home/amnesia source=dotfiles,link\n/home/amnesia/Persistent\n"
    )
    tree = {
        "/persistence.conf": text,
        "/gnupg/pubring.kbx": b"",
        "/apt/lists/x": b"",
        "/dotfiles/.config/a/b": b"",
        "/live-additional-software.conf": b"electrum\n../../evil\n",
    }
    (found,) = extract(persistence, tree).findings
    assert found.settings == (
        "/home/amnesia/.gnupg from gnupg (present)",
        "/var/lib/apt/lists from apt/lists (present)",
        "/home/amnesia from dotfiles (present)",
        "/home/amnesia/Persistent from home/amnesia/Persistent (absent)",
        "additional software electrum",
        "dotfile .config/a/b",
    )


@pytest.mark.parametrize(
    "data", [b"", b"of memory\n", b"\xff\xfe\x00", b"/" * 5000, b"relative x\n"]
)
def test_other_files_of_that_name(extract: Extract, data: bytes) -> None:
    with pytest.raises(ParseError):
        extract(persistence, {"/persistence.conf": data})


def test_hostile_sources_are_names_only(extract: Extract) -> None:
    lines = [b"/a source={x", b"/b source=../../etc", b"/c source=**", b"/d source="]
    (found,) = extract(persistence, {"/persistence.conf": b"\n".join(lines * 200)}).findings
    assert len(found.settings) == 100
    assert all(setting.endswith("(absent)") or ".." in setting for setting in found.settings)
