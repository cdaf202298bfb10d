from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from triage import canonical
from triage.custody import CustodyLog, check_chain, entry, new_bundle_id, utc_text
from triage.errors import AlteredError, BundleError

TIME = datetime(2024, 2, 21, 8, 15, tzinfo=UTC)
EVENTS = ("bundle.created", "image.opened", "bundle.sealed")


def log(bundle: str = "b", prev: str | None = None) -> list[bytes]:
    lines: list[bytes] = []
    for seq, event in enumerate(EVENTS):
        line = entry(seq, prev, utc=TIME, bundle=bundle, event=event, data={"n": seq})
        lines.append(line)
        prev = hashlib.sha256(line).hexdigest()
    return lines


def test_what_is_written_is_what_the_chain_says(tmp_path: Path) -> None:
    writer = CustodyLog(tmp_path / "log", bundle="b", clock=lambda: TIME)
    for seq, event in enumerate(EVENTS):
        writer.append(event, {"n": seq})
        # each event is in the file at once, not only when the log is closed
        assert len((tmp_path / "log").read_bytes().splitlines()) == seq + 1
    writer.close()
    data = (tmp_path / "log").read_bytes()
    assert data == b"".join(log())
    assert (writer.size, writer.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    chain = check_chain(data)
    assert (chain.bundle, chain.length, chain.head) == ("b", writer.length, writer.head)


def test_the_head_is_what_sha256sum_gives_for_the_last_line() -> None:
    lines = log()
    assert check_chain(b"".join(lines)).head == hashlib.sha256(lines[-1]).hexdigest()


def test_a_chain_may_be_read_line_by_line() -> None:
    assert check_chain(canonical.lines(io.BytesIO(b"".join(log())))).length == 3


def test_a_cut_at_the_end_is_a_shorter_chain_with_another_head() -> None:
    whole, cut = check_chain(b"".join(log())), check_chain(b"".join(log()[:-1]))
    assert (cut.length, cut.head != whole.head) == (2, True)


ALTERED: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "first edited": (lambda x: [x[0].replace(b'"n":0', b'"n":9'), *x[1:]], "line 2"),
    "time edited": (lambda x: [x[0], x[1].replace(b"2024", b"2023"), x[2]], "line 3"),
    "first dropped": (lambda x: x[1:], "line 1"),
    "middle dropped": (lambda x: [x[0], x[2]], "line 2"),
    "repeated": (lambda x: [x[0], *x], "line 2"),
    "swapped": (lambda x: [x[0], x[2], x[1]], "line 2"),
    "torn": (lambda x: [*x[:2], x[2][:-9]], "line 3"),
    "no last newline": (lambda x: [*x[:2], x[2][:-1]], "line 3"),
    "empty line": (lambda x: [x[0], b"\n", *x[1:]], "line 2"),
    "spaces": (lambda x: [x[0], x[1].replace(b":", b": "), x[2]], "line 2"),
    "not an object": (lambda x: [x[0], b"[]\n", x[2]], "line 2"),
    "nested without end": (lambda x: [x[0], b"[" * 99999 + b"\n"], "line 2"),
    "other bundle": (lambda x: [x[0], log("c")[1], x[2]], "line 2"),
    "not UTF-8": (lambda x: [x[0], b"\xff\n"], "line 2"),
    "empty": (lambda _: [], "empty"),
}


@pytest.mark.parametrize(("alter", "where"), ALTERED.values(), ids=ALTERED)
def test_an_altered_chain_names_the_line(
    alter: Callable[[list[bytes]], list[bytes]], where: str
) -> None:
    with pytest.raises(AlteredError, match=where):
        check_chain(b"".join(alter(log())))


def test_every_changed_byte_breaks_the_chain_or_its_head() -> None:
    data = b"".join(log())
    head = check_chain(data).head
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        try:
            assert check_chain(bytes(changed)).head != head
        except AlteredError:
            continue


def test_a_later_log_continues_a_seal() -> None:
    data = b"".join(log(prev="ab" * 32))
    assert check_chain(data, prev="ab" * 32).length == 3
    for prev in (None, "cd" * 32):
        with pytest.raises(AlteredError, match="line 1"):
            check_chain(data, prev=prev)


@pytest.mark.parametrize(
    "record",
    [
        {"seq": "0", "prev": None, "bundle": "b", "event": "e", "data": {}},
        {"seq": 0, "prev": None, "bundle": 1, "event": "e", "data": {}},
        {"seq": 0, "prev": None, "bundle": "b", "event": None, "data": {}},
        {"seq": 0, "prev": None, "bundle": "b", "event": "e", "data": []},
        {},
    ],
)
def test_an_entry_of_another_shape_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(AlteredError, match="line 1"):
        check_chain(canonical.line(record))


def test_a_log_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    for name in ("log", "link", "absent/log"):
        with pytest.raises(BundleError):
            CustodyLog(tmp_path / name, bundle="b")
    assert (tmp_path / "log").read_bytes() == b"old"


def test_an_event_that_is_not_on_the_disk_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CustodyLog(tmp_path / "log", bundle="b")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match="No space left"):
        log.append("note")
    assert (log.length, log.head) == (0, None)
    log.close()
    with pytest.raises(BundleError, match="closed"):
        log.append("note")


@pytest.mark.parametrize("data", [{"ratio": 0.5}, {"x": object()}, {"x": "y" * canonical.MAX_LINE}])
def test_data_that_a_log_cannot_hold_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="note"):
        entry(0, None, utc=TIME, bundle="b", event="note", data=data)


def test_times_are_utc_whatever_the_zone() -> None:
    assert utc_text(TIME.astimezone(timezone(timedelta(hours=9)))) == "2024-02-21T08:15:00.000000Z"


def test_bundle_ids_are_256_bits() -> None:
    assert len({new_bundle_id() for _ in range(10)}) == 10
    assert len(bytes.fromhex(new_bundle_id())) == 32
