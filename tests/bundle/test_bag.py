from __future__ import annotations

import bagit
import pytest

from triage.bundle import bag
from triage.errors import AlteredError, BundleError

HOSTILE = [
    "one\nPayload-Oxum: 1.1",
    "one\r\n two",
    "one\x85two\u2028three\x0bfour",
    "\x1b]0;title\x07",
    "\u202eback",
    "caf\udce9",
    "",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_stays_on_its_line(value: str) -> None:
    text = bag.bag_info({"External-Identifier": value}, files=2, size=30).decode("utf-8")
    labels = [line.partition(": ")[0] for line in text.splitlines()]
    assert labels == ["External-Identifier", "Payload-Oxum"]
    assert all(char.isprintable() or char == "\n" for char in text)


@pytest.mark.parametrize("value", HOSTILE)
def test_bagit_reads_what_we_write(value: str) -> None:
    text = bag.bag_info({"External-Identifier": value}, files=2, size=30).decode("utf-8")
    read = dict(bagit._parse_tags(text.splitlines(keepends=True)))
    assert read["Payload-Oxum"] == "30.2"
    assert read["External-Identifier"] == bag.single_line(value)


@pytest.mark.parametrize("label", ["", "A: b", "A\nB", "payload-oxum", "É", "-a"])
def test_a_label_that_is_none_is_refused(label: str) -> None:
    with pytest.raises(BundleError):
        bag.bag_info({label: "x"}, files=0, size=0)


def test_the_oxum_is_read_back() -> None:
    assert bag.parse_oxum(bag.bag_info({"A": "b"}, files=2, size=30)) == (2, 30)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Payload-Oxum: 1\n",
        b"Payload-Oxum: 1.2\nPayload-Oxum: 1.2\n",
        b"Payload-Oxum: a.b\n",
        b"Payload-Oxum: 1." + b"9" * 5000 + b"\n",
        b"\xff\xfe",
    ],
)
def test_an_oxum_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(AlteredError):
        bag.parse_oxum(data)


def test_a_manifest_is_read_back_in_order() -> None:
    digests = {"data/b": "1" * 64, "data/a": "0" * 64, "data/files/a": "2" * 64}
    data = bag.manifest(digests)
    assert data.splitlines()[0] == b"0" * 64 + b"  data/a"
    assert bag.parse_manifest(data, payload=True) == digests
    with pytest.raises(AlteredError, match="line 1"):
        bag.parse_manifest(data, payload=False)


@pytest.mark.parametrize("length", range(0, 75, 7))
def test_a_cut_manifest_is_refused_or_shorter(length: int) -> None:
    with pytest.raises(AlteredError):
        bag.parse_manifest(
            bag.manifest({"data/a": "0" * 64, "data/b": "1" * 64})[: length + 1], payload=True
        )
