from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from triage.errors import ProfileError, UsageError
from triage.training import truth
from triage.training.truth import Data, Expect, Image, Item, Place, Question, Truth

TRUTH = Truth(
    scenario="first-hour",
    salt="5eed" * 16,
    seed_commitment="0" * 64,
    images=(Image(name="stick.E01", sha256="a" * 64),),
    items=(
        Item(
            id="i-1",
            expect=Expect.MUST,
            kind="wallet.file",
            image="stick.E01",
            volume="p1",
            path="/Bücher/wallet",
            place=Place.RENAMED,
            match={"value.software": "electrum", "value.ports": ("80", "81"), "value.holds": True},
            points=3,
            partial={"path": 30, "value.software": 50},
            question="q-1",
            family="wallet",
        ),
        Item(
            id="i-2",
            expect=Expect.MUST_NOT,
            kind="*",
            image="stick.E01",
            volume=None,
            path=None,
            place=Place.UNALLOCATED,
            points=0,
            known_miss=None,
            family="noise",
            data=Data.FOREIGN,
        ),
    ),
    questions=(
        Question(id="q-1", text="Which wallet?", hints=("Look.",), answer="electrum", points=3),
    ),
)


def value() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(truth.to_bytes(TRUTH))
    return found


def parsed(changed: dict[str, Any]) -> Truth:
    return truth.parse(json.dumps(changed).encode(), where="t")


def test_what_is_written_reads_back() -> None:
    assert truth.parse(truth.to_bytes(TRUTH), where="t") == TRUTH
    assert parsed(value()) == TRUTH  # however it is spelled


def test_commitment_is_the_hash_of_the_file_and_binds_every_answer() -> None:
    assert truth.commitment(TRUTH) == hashlib.sha256(truth.to_bytes(TRUTH)).hexdigest()
    other = replace(TRUTH, salt="beef" * 16)
    assert truth.commitment(other) != truth.commitment(TRUTH)
    harder = replace(TRUTH, items=(replace(TRUTH.items[0], points=2), *TRUTH.items[1:]))
    assert truth.commitment(harder) != truth.commitment(TRUTH)


CHEAP = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBWOWFmejFwbS9XUTFLM1FadjNBc2pBIDIKZTUyNGVGdC9w"
    "ODdFdG0rMlJjaHNka0cyNXhoUWVoMExjWVFIcVIvSmJjMAotLS0gSko4MWxnSHptb1l1NXNGZjhJSHFSUXFPdzZL"
    "VkdoNURlNlFjZEVOMHRtUQpnVpPZHCinyRwe14nWGOfnSLIzsuOBD1zgKieTATG78lKXrSTuXeUvyOeyFib53g=="
)
"""`{"format":"?"}` for "correct horse", with so little work (log N = 2) as we never ask for."""


def test_sealed_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "truth.json.age"
    path.write_bytes(truth.sealed(TRUTH, "correct horse"))
    assert b"wallet" not in path.read_bytes()
    assert truth.is_sealed(path)
    with pytest.raises(UsageError, match="its passphrase is needed"):
        truth.load(path)


def test_sealed_file_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "truth.json.age"
    path.write_bytes(CHEAP)
    with pytest.raises(ProfileError, match="must be disk-triage-truth"):
        truth.load(path, "correct horse")
    with pytest.raises(UsageError, match="wrong passphrase"):
        truth.load(path, "incorrect horse")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"format": "disk-triage-truth/2"}, "t.format"),
        ({"scenario": ""}, "t.scenario"),
        ({"salt": None}, "t.salt"),
        ({"colour": 1}, "t.colour"),
        ({"images": [{"name": "a", "sha256": "A" * 64}]}, "t.images[0].sha256"),
        ({"images": []}, "items.i-1.image"),
        ({"questions": []}, "items.i-1.question"),
        ({"questions": [1]}, "t.questions[0]"),
        ({"items": {}}, "t.items"),
    ],
)
def test_an_error_points_at_the_key(change: dict[str, Any], where: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parsed(value() | change)
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"expect": "should"}, "t.items[0].expect"),
        ({"place": "cloud"}, "t.items[0].place"),
        ({"data": None}, "t.items[0].data"),
        ({"points": -1}, "t.items[0].points"),
        ({"points": True}, "t.items[0].points"),
        ({"points": 1.5}, "t.items[0].points"),
        ({"match": {"value.x": 1.5}}, "t.items[0].match.value.x"),
        ({"match": {"value.x": {"a": 1}}}, "t.items[0].match.value.x"),
        ({"match": {"Value": 1}}, "t.items[0].match.Value"),
        ({"partial": {"value.software": 101}}, "t.items[0].partial.value.software"),
        ({"partial": {"value.other": 10}}, "items.i-1.partial"),
        ({"partial": {"path": 60, "value.holds": 41}}, "items.i-1.partial"),
        ({"id": "i-2"}, "items"),
        ({"path": ["x"]}, "t.items[0].path"),
        ({"secret": 1}, "t.items[0].secret"),
    ],
)
def test_an_error_points_at_the_item(change: dict[str, Any], where: str) -> None:
    changed = value()
    changed["items"][0] |= change
    with pytest.raises(ProfileError) as caught:
        parsed(changed)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[", b"[]", b"null", b'{"format":1,"format":1}', b"[" * 100_000]
)
def test_what_is_no_truth_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(data)
    with pytest.raises(ProfileError):
        truth.load(path)


def test_a_cut_sealed_file_and_a_missing_one_are_said(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"age-encryption.org/v1\n-> scrypt AAAA 1")
    with pytest.raises(UsageError):
        truth.load(path, "x")
    with pytest.raises(UsageError, match="cannot read"):
        truth.load(tmp_path / "none")
