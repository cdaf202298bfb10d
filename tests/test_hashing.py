from __future__ import annotations

import array
import hashlib

import pytest

from triage.hashing import MEDIA_ALGORITHMS, Digests, ParallelDigests, sha256


def test_all_digests_of_the_same_bytes() -> None:
    digests = Digests()
    digests.update(b"ab")
    digests.update(memoryview(b"c"))
    assert digests.length == 3
    assert digests.hex() == {
        # RFC 1321, FIPS 180-4
        "md5": "900150983cd24fb0d6963f7d28e17f72",
        "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


def test_nothing_has_digests_too() -> None:
    assert Digests().hex() == {name: hashlib.new(name).hexdigest() for name in MEDIA_ALGORITHMS}


def test_a_subset_is_computed_alone() -> None:
    digests = Digests(["sha256"])
    digests.update(b"abc")
    assert digests.hex() == {"sha256": sha256(b"abc")}


def test_the_length_counts_bytes_not_items() -> None:
    digests = Digests(["md5"])
    digests.update(memoryview(array.array("I", [1, 2, 3])))
    assert digests.length == 3 * array.array("I").itemsize


def test_asking_for_digests_does_not_end_them() -> None:
    digests = Digests(["md5"])
    before = digests.hex()
    digests.update(b"x")
    assert digests.hex() != before


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="unsupported"):
        Digests(["crc99"])


def test_digests_on_threads_are_the_same() -> None:
    blocks = [bytes([number % 256]) * (number * 997 % 5000) for number in range(200)]
    whole = b"".join(blocks)
    with ParallelDigests(("md5", "sha1", "sha256")) as digests:
        for block in blocks:
            digests.update(block)
        assert digests.hex() == {
            name: hashlib.new(name, whole).hexdigest() for name in ("md5", "sha1", "sha256")
        }
        assert digests.length == len(whole)


def test_no_block_at_all() -> None:
    with ParallelDigests(("sha256",)) as digests:
        assert digests.hex() == {"sha256": hashlib.sha256(b"").hexdigest()}
