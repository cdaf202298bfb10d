"""Local Storage, the two forms of the HTTP cache, and bodies as they were sent."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.formats.memory import Memory, folder
from triage.errors import LimitError, ParseError
from triage.formats import block_cache, http_body, leveldb, local_storage, simple_cache
from triage.formats.http_cache import Entry, head, url_of

GOLDEN = Path(__file__).parent / "chromium"
SITE = "http://127.0.0.1:8731"
MESSAGES = b'[{"id": "1110000000000000001", "content": "hello from the cache"}]'
BIG = b"0123456789abcdef" * 1280


def blocks() -> dict[str, Memory]:
    with zipfile.ZipFile(io.BytesIO((GOLDEN / "block_cache.zip").read_bytes())) as archive:
        return {name: Memory(archive.read(name)) for name in archive.namelist()}


def simple() -> dict[str, Memory]:
    return {
        name: each
        for name, each in folder(GOLDEN / "simple_cache").items()
        if simple_cache.is_entry(name)
    }


def by_path(entries: list[Entry]) -> dict[str, Entry]:
    return {each.url.removeprefix(SITE): each for each in entries}


def check(found: dict[str, Entry]) -> None:
    messages, big = found["/api/messages?limit=50"], found["/big.txt"]
    assert messages.head is not None
    assert messages.head.status == "HTTP/1.0 200 OK"
    assert messages.head.fields["content-type"] == "application/json"
    assert 13_000_000_000_000_000 < messages.head.requested <= messages.head.answered
    assert messages.raw_body()[:2] == b"\x1f\x8b"
    assert messages.body() == MESSAGES
    assert (big.size, big.body()) == (len(BIG), BIG)
    assert messages.live


def test_local_storage_of_chromium() -> None:
    contents = leveldb.read(folder(GOLDEN / "local_storage"))
    assert [(each.site, each.key, each.value) for each in local_storage.items(contents)] == [
        (SITE, "grüß€", "wide €"),
        (SITE, "gone", None),
        (SITE, "name", '"value"'),
    ]
    assert contents.problems == []
    assert local_storage.last_written(contents)[SITE] > 13_000_000_000_000_000


def test_simple_cache() -> None:
    found = by_path([simple_cache.read(each, name) for name, each in simple().items()])
    check(found)
    worker = found["/cached"]  # of a service worker: its head has another form
    assert (worker.head, worker.body()) == (None, b"cache storage body")


def test_block_cache() -> None:
    cache = block_cache.Cache(blocks())
    found = by_path(list(block_cache.entries(cache)))
    check(found)
    messages = found["/api/messages?limit=50"]
    assert messages.created is not None
    assert messages.used is not None
    assert messages.created < messages.used
    assert cache.problems == []


def test_block_cache_entries_that_no_chain_leads_to() -> None:
    files = blocks()
    index = files["index"].data
    files["index"] = Memory(index[:368] + bytes(len(index) - 368))
    found = list(block_cache.entries(block_cache.Cache(files)))
    assert {each.live for each in found} == {False}
    assert by_path(found)["/api/messages?limit=50"].body() == MESSAGES


def test_block_cache_chain_that_leads_back() -> None:
    files = blocks()
    table = files["index"].data[368:]
    data = bytearray(files["data_1"].data)
    for (address,) in struct.iter_unpack("<I", table):
        if address:  # the next entry of each chain is the first one
            struct.pack_into("<I", data, 8192 + (address & 0xFFFF) * 256 + 4, address)
    files["data_1"] = Memory(bytes(data))
    found = list(block_cache.entries(block_cache.Cache(files)))
    assert len(found) == len({each.key for each in found})


@pytest.mark.parametrize("name", ["index", "data_0", "data_1", "data_2"])
def test_block_cache_survives_flips_and_cuts(name: str) -> None:
    files = blocks()
    whole = files[name].data
    used = whole[:20_000] if name != "index" else whole
    choose = random.Random(7)  # noqa: S311 - to repeat it
    places = [at for at, byte in enumerate(used[: 1 << 19]) if byte] or [0]
    for _ in range(25 if name != "index" else 4):
        changed = bytearray(whole if choose.random() < 0.8 else whole[: choose.randrange(20_000)])
        for _ in range(3):
            at = choose.choice(places)
            if at < len(changed):
                changed[at] = choose.randrange(256)
        cache = block_cache.Cache(files | {name: Memory(bytes(changed))})
        try:
            for entry in block_cache.entries(cache):
                entry.body()
        except (ParseError, LimitError):
            continue


def test_block_cache_without_an_index() -> None:
    files = blocks()
    del files["index"]
    with pytest.raises(ParseError):
        list(block_cache.entries(block_cache.Cache(files)))


def test_simple_cache_survives_flips_and_cuts() -> None:
    name, file = next((n, f) for n, f in simple().items() if len(f.data) < 600)
    choose = random.Random(9)  # noqa: S311 - to repeat it
    for _ in range(500):
        changed = bytearray(file.data[: choose.randrange(len(file.data) + 1)])
        if changed:
            changed[choose.randrange(len(changed))] = choose.randrange(256)
        try:
            simple_cache.read(Memory(bytes(changed)), name).body()
        except (ParseError, LimitError):
            continue


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("1/0/https://a.example/x", "https://a.example/x"),
        ("1/0/_dk_https://a.example https://a.example https://b.example/y", "https://b.example/y"),
    ],
)
def test_url_of(key: str, url: str) -> None:
    assert url_of(key) == url


@pytest.mark.parametrize("data", [b"", bytes(40), struct.pack("<II", 4, 3), b"\xff" * 64])
def test_what_is_no_head(data: bytes) -> None:
    assert head(data) is None


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BIG, ""),
        (BIG, "identity"),
        (gzip.compress(BIG, mtime=0), "gzip"),
        (zlib.compress(BIG), "deflate"),
        (raw_deflate(BIG), "deflate"),
        (gzip.compress(zlib.compress(BIG), mtime=0), "deflate, GZIP"),
    ],
)
def test_bodies(body: bytes, encoding: str) -> None:
    assert http_body.unpack(body, encoding) == BIG


@pytest.mark.parametrize(("package", "encoding"), [("brotli", "br"), ("zstandard", "zstd")])
def test_bodies_of_other_packages(package: str, encoding: str) -> None:
    library = pytest.importorskip(package)
    packed = (
        library.compress(BIG) if package == "brotli" else library.ZstdCompressor().compress(BIG)
    )
    assert http_body.unpack(packed, encoding) == BIG
    assert BIG.startswith(http_body.unpack(packed[:-2], encoding))
    with pytest.raises(LimitError):
        http_body.unpack(packed, encoding, limit=1000)
    with pytest.raises(ParseError):
        http_body.unpack(b"\xffnot packed at all\xff" * 20, encoding)


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"x", "compress"), (b"xx", "gzip"), (b"", "gzip," * 9)]
)
def test_bodies_that_cannot_be_unpacked(body: bytes, encoding: str) -> None:
    with pytest.raises(ParseError):
        http_body.unpack(body, encoding)


def test_a_body_that_grows() -> None:
    with pytest.raises(LimitError):
        http_body.unpack(gzip.compress(bytes(1 << 20)), "gzip", limit=1 << 16)
