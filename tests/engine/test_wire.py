from __future__ import annotations

import json
import os
import random
import select
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from triage.engine import wire
from triage.engine.wire import Channel, Kept
from triage.errors import WorkerError
from triage.model import Allocation, Entry, EntryType, EvidencePath, FileTimes


class Found(msgspec.Struct, tag=True, frozen=True):
    entry: Entry
    notes: dict[str, str] = {}
    raw: bytes = b""
    amount: int = 0


class Done(msgspec.Struct, tag=True, frozen=True):
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picky:
    number: int

    def __post_init__(self) -> None:
        raise KeyError(self.number)


class WithPicky(msgspec.Struct, tag=True):
    picky: Picky


class Nested(msgspec.Struct, tag=True):
    inner: Any


class Blob(msgspec.Struct, tag=True):
    data: bytes


Answer = Found | Done


def found(path: str = "/a", **more: Any) -> Found:
    entry = Entry(
        volume="p1",
        path=EvidencePath(path),
        address="1-128-2",
        type=EntryType.FILE,
        size=2**63,
        times=FileTimes(modified=-1),
        allocation=Allocation(name=True, metadata=False),
    )
    return Found(entry, **more)


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    there, back = os.pipe(), os.pipe()
    yield Channel(back[0], there[1]), Channel(there[0], back[1])
    for descriptor in (*there, *back):
        try:
            os.close(descriptor)
        except OSError:
            continue  # closed by the test


@pytest.fixture
def parent(pair: tuple[Channel, Channel]) -> Channel:
    return pair[0]


@pytest.fixture
def worker(pair: tuple[Channel, Channel]) -> Channel:
    return pair[1]


def raw(worker: Channel, data: bytes) -> None:
    os.write(worker._writer, data)


def frame(payload: bytes, encoding: int = 0) -> bytes:
    return struct.pack(">IB", len(payload) + 1, encoding) + payload


@pytest.mark.parametrize(
    "message",
    [
        Done(0),
        found(raw=bytes(range(256))),
        found("/caf\udce9/\ud800x", raw=b"\xff\x7f"),
        found("/\x7f/\ue000\x7f\ue001/\udc80\x7f\x7f"),
        found("/plain\x7f\ue000"),
        found(notes={"k\udcff": "v\udfff", "\x7f": "\ud800"}),
        found(amount=2**200),
        found("/\udc80", amount=-(2**64)),
        found("/" + "x" * 30_000),
    ],
)
def test_messages_arrive_unchanged(message: Found | Done, parent: Channel, worker: Channel) -> None:
    worker.send(message, 0)
    assert parent.receive(Answer, 0) == message
    parent.send(message, 0)
    assert worker.receive(type(message), 0) == message


def test_kept_messages_are_given_back_and_not_shown() -> None:
    messages = [found("/a"), found("/\udcfe", amount=1 << 70), Done(count=1)]
    kept = Kept[Any](Answer)
    for message in messages:
        kept.append(message)
    assert (list(kept), len(kept)) == (messages, 3)
    assert "/a" not in repr(kept)
    kept.clear()
    assert kept == Kept(Answer)


def test_every_escapable_character_survives(parent: Channel, worker: Channel) -> None:
    characters = [*map(chr, range(0x80)), *map(chr, range(0xD7F0, 0xE810))]
    for text in ("".join(characters), "\x7f".join(characters)):
        worker.send(found(text), 0)
        assert parent.receive(Found, 0).entry.path == text


def test_plain_messages_are_not_escaped(worker: Channel, parent: Channel) -> None:
    worker.send(found("/\x7f\ue000"), 0)
    assert os.read(parent.fileno(), 5)[4] == 0


def test_messages_keep_their_order(parent: Channel, worker: Channel) -> None:
    for number in range(100):
        worker.send(found("/\udc80") if number % 7 == 0 else Done(number), 0)
    assert [type(parent.receive(Answer, 0)) for _ in range(100)] == [
        Found if number % 7 == 0 else Done for number in range(100)
    ]


def test_incremental_reading(parent: Channel, worker: Channel) -> None:
    data = frame(msgspec.msgpack.encode(Done(1))) + frame(msgspec.msgpack.encode(Done(2)))
    seen = []
    for byte in data:
        raw(worker, bytes([byte]))
        assert parent.feed()
        seen.append([message.count for message in parent.messages(Done)])
    assert [counts for counts in seen if counts] == [[1], [2]]
    assert seen[-1] == [2]


def test_waiting_on_several_workers() -> None:
    pipes = [os.pipe() for _ in range(3)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        channels = [Channel(reader, null) for reader, _ in pipes]
        Channel(pipes[0][0], pipes[1][1]).send(Done(7), 0)
        poll = select.poll()
        for channel in channels:
            poll.register(channel, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(0)]
        assert ready == [channels[1].fileno()]
        assert channels[1].feed()
        assert list(channels[1].messages(Answer)) == [Done(7)]
        assert poll.poll(0) == []
    finally:
        for descriptor in (null, *(end for pipe in pipes for end in pipe)):
            os.close(descriptor)


def test_feed_leaves_a_waiting_message_alone(parent: Channel, worker: Channel) -> None:
    worker.send(Done(1), 0)
    parent.feed()
    worker.send(Done(2), 0)
    for _ in range(5):
        assert parent.feed()
    assert list(parent.messages(Done)) == [Done(1)]
    parent.feed()
    assert list(parent.messages(Done)) == [Done(2)]


def test_last_words_of_a_closed_worker_are_heard(parent: Channel, worker: Channel) -> None:
    worker.send(Done(1), 0)
    raw(worker, frame(msgspec.msgpack.encode(Done(2)))[:-1])
    os.close(worker._writer)
    assert parent.receive(Done, 0) == Done(1)
    with pytest.raises(WorkerError, match=r"^closed$"):
        parent.receive(Done, 0)
    assert not parent.feed()
    assert list(parent.messages(Done)) == []


def test_sending_to_a_dead_worker(parent: Channel, worker: Channel) -> None:
    os.close(worker._reader)
    with pytest.raises(WorkerError, match=r"^closed$"):
        parent.send(Done(1), 0)


def test_time_runs_out(parent: Channel, worker: Channel) -> None:
    with pytest.raises(WorkerError, match=r"^timed out$"):
        parent.receive(Done, 0)
    raw(worker, frame(b"x" * 50)[:20])
    with pytest.raises(WorkerError, match=r"^timed out$"):
        parent.receive(Done, 0)
    with pytest.raises(WorkerError, match=r"^timed out$"):
        parent.send(found(raw=bytes(1 << 20)), 0)  # more than a pipe holds, and nobody reads


def test_timing_out_loses_nothing(parent: Channel, worker: Channel) -> None:
    data = frame(msgspec.msgpack.encode(Done(3)))
    raw(worker, data[:7])
    with pytest.raises(WorkerError, match=r"^timed out$"):
        parent.receive(Done, 0)
    raw(worker, data[7:])
    assert parent.receive(Done, 0) == Done(3)


@pytest.mark.parametrize("declared", [65, 2**31, 2**32 - 1])
def test_declared_length_is_refused_at_once(declared: int, worker: Channel) -> None:
    parent = Channel(os.dup(worker._reader), worker._writer, limit=64)
    reader, writer = os.pipe()
    try:
        parent._reader = reader
        os.write(writer, struct.pack(">I", declared) + b"\0")
        with pytest.raises(WorkerError, match=r"^too large$"):
            parent.feed()
        with pytest.raises(WorkerError, match=r"^too large$"):
            parent.receive(Done, 0)
        assert len(parent._buffer) == 5
    finally:
        os.close(reader)
        os.close(writer)


def test_sender_keeps_to_the_limit() -> None:
    reader, writer = os.pipe()
    try:
        channel = Channel(reader, writer, limit=100)
        channel.send(Done(1), 0)
        assert channel.receive(Done, 0) == Done(1)
        with pytest.raises(WorkerError, match=r"^too large$"):
            channel.send(found(raw=bytes(100)))
        with pytest.raises(WorkerError, match=r"^timed out$"):
            channel.receive(Done, 0)  # nothing of it was sent
    finally:
        os.close(reader)
        os.close(writer)


def packed(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">IB", 0, 0),
        frame(b""),
        frame(b"\xc1"),
        frame(packed(Done(1)), encoding=2),
        frame(packed(Done(1)), encoding=1),
        frame(packed(Done(1)) + b"\0"),
        frame(packed(Done(1))[:-1]),
        frame(packed({"type": "Done", "count": "1"})),
        frame(packed({"type": "Done"})),
        frame(packed({"type": "Unknown"})),
        frame(packed([1, 2])),
        frame(packed(None)),
        frame(b"\xa1\x80"),
        frame(b"\xdf\xff\xff\xff\xff"),
        frame(b"\xdd\xff\xff\xff\xff"),
        frame(b"\xc6\xff\xff\xff\xff"),
        frame(b"\x91" * 200_000),
        frame(b"[" * 200_000, encoding=1),
        frame(b'{"type":"Done","count":', encoding=1),
        frame(b'{"type":"Done","count":1e400}', encoding=1),
        frame(b'{"type":"Done","count":' + b"9" * 5000 + b"}", encoding=1),
        frame(b"\x80\x04\x95cos\nsystem\n.", encoding=0),
    ],
)
def test_what_is_not_a_message(data: bytes, parent: Channel, worker: Channel) -> None:
    raw(worker, data[: 1 << 15])  # a pipe holds more than that
    os.close(worker._writer)
    with pytest.raises(WorkerError, match=r"^(not a message|closed)$"):
        parent.receive(Answer, 0)


@pytest.mark.parametrize(
    ("encoding", "payload"),
    [(0, b"\x91" * 200_000), (1, b"[" * 200_000), (1, b'{"type":"Nested","inner":' + b"[" * 9999)],
)
def test_deep_nesting_is_not_a_message(encoding: int, payload: bytes) -> None:
    for type_ in (Nested, Answer):
        with pytest.raises(WorkerError, match=r"^not a message$"):
            wire._decoded(type_, encoding, payload)


def decoded(type_: Any, encoding: int, payload: bytes) -> str | None:
    """Return the error, None when it was a message."""
    try:
        wire._decoded(type_, encoding, payload)
    except WorkerError as error:
        return str(error)
    return None


@pytest.mark.parametrize("depth", [100, 400, 900, 1500, 100_000])
def test_deep_but_complete_nesting_is_a_message_or_not(depth: int) -> None:
    payload = b'{"type":"Nested","inner":' + b"[" * depth + b"]" * depth + b"}"
    assert decoded(Nested, 1, payload) in (None, "not a message")


def test_wrong_type_is_not_a_message(parent: Channel, worker: Channel) -> None:
    worker.send(Done(1), 0)
    with pytest.raises(WorkerError, match=r"^not a message$"):
        parent.receive(Found, 0)


def test_constructor_that_fails_is_not_a_message(parent: Channel, worker: Channel) -> None:
    raw(worker, frame(packed({"type": "WithPicky", "picky": {"number": 5}})))
    with pytest.raises(WorkerError, match=r"^not a message$"):
        parent.receive(WithPicky, 0)


def test_what_cannot_be_encoded(parent: Channel) -> None:
    with pytest.raises(WorkerError, match="cannot be encoded"):
        parent.send(Nested(object()), 0)
    with pytest.raises(WorkerError, match="cannot be encoded"):
        parent.send(Nested(["\ud800", object()]), 0)


@pytest.mark.parametrize("encoding", [0, 1])
def test_garbled_messages_are_messages_or_errors(encoding: int) -> None:
    chance = random.Random(encoding)  # noqa: S311 - repeatable, not secret
    message = found("/\x7f\ue000", notes={"a": "b"})
    plain = packed(message) if encoding == 0 else msgspec.json.encode(message)
    for _ in range(3000):
        data = bytearray(plain)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        del data[chance.randint(0, 3 * len(data)) :]
        assert decoded(Answer, encoding, bytes(data)) in (None, "not a message")


def test_escaped_messages_are_plain_json(worker: Channel, parent: Channel) -> None:
    worker.send(found("/\udc80\x7f"), 0)
    data = os.read(parent.fileno(), 10_000)
    assert data[4] == 1
    assert json.loads(data[5:])["entry"]["path"] == "/\x7f\ue480\x7f\x7f"


def test_large_messages_cross_processes() -> None:
    size = 3 << 20
    code = """
import sys
from triage.engine.wire import Channel, Kept
import msgspec
class Blob(msgspec.Struct, tag=True):
    data: bytes
channel = Channel(int(sys.argv[1]), int(sys.argv[2]))
channel.send(Blob(channel.receive(Blob, 30).data * 2), 30)
"""
    there, back = os.pipe(), os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(there[0]), str(back[1])], pass_fds=(there[0], back[1])
    )
    try:
        channel = Channel(back[0], there[1])
        channel.send(Blob(b"x" * size), 30)
        assert channel.receive(Blob, 30).data == b"x" * (2 * size)
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait()
        for descriptor in (*there, *back):
            os.close(descriptor)
