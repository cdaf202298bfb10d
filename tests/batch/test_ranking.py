from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from tests.batch.made import finding, make_bundle
from triage.batch.drives import read_drive, read_drives
from triage.batch.ranking import load_ranking, parse_ranking, rank
from triage.batch.summary import PassedOver, Summary, summary_csv, summary_json
from triage.console.headlines import headlines
from triage.errors import ProfileError, UsageError
from triage.profile import shipped
from triage.report.batch import batch_page

TEXT = files("triage.profiles").joinpath("_ranking.yaml").read_text(encoding="utf-8")
FINISHED = {"event": "finished", "exit_code": 0, "seal_code": "AAAA-BBBB"}


def plan(name: str) -> dict[str, object]:
    return {"bundle": name, "image": f"/x/{name}.E01", "case": None, "exhibit": None}


def test_weights_are_no_profile() -> None:
    assert "_ranking" not in shipped()
    assert load_ranking().high > load_ranking().medium


def test_points_have_reasons_and_add_up() -> None:
    ranking = load_ranking()
    records = [finding(number, "wallet.file", summary=f"wallet {number}") for number in range(9)]
    records.append(finding(20, "wallet.secret", summary="seed in clear"))
    result = rank(ranking, headlines(records), locked=2, mismatch=True)
    weight = ranking.kinds["wallet.file"]
    assert result.points == sum(reason.points for reason in result.reasons)
    assert result.level == "high"
    assert [(r.points, r.words.partition(":")[0]) for r in result.reasons] == [
        (50, "Seeds and private keys"),
        (weight.points + weight.each * weight.most, "Wallet files"),
        (20, "2 locked volumes"),
        (10, "the image hash is not the acquisition hash"),
    ]


@pytest.mark.parametrize(
    ("change", "points"),
    [
        ({}, 50),
        ({"confidence": "possible"}, 15),
        ({"shows": "present"}, 37),
        ({"deleted": True}, 30),
    ],
)
def test_weaker_findings_weigh_less(change: dict[str, object], points: int) -> None:
    record = finding(1, "wallet.secret")
    if change.pop("deleted", False):
        record["source"]["allocation"] = "unallocated"
    record |= change
    assert rank(load_ranking(), headlines([record])).points == points


def test_nothing_found_is_low_and_nothing_opened_is_not_nothing() -> None:
    ranking = load_ranking()
    assert (rank(ranking, ()).points, rank(ranking, ()).level) == (0, "low")
    assert rank(ranking, (), not_opened=True).points == ranking.not_opened


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("high: 60", "high: sixty", "r.high"),
        ("high: 60", "high: -1", "r.high"),
        ("high: 60", "high: true", "r.high"),
        ("high: 60", "high: 60\nlow: 3", "r.low"),
        ("high: 60", "", "r.high"),
        ("medium: 25", "medium: 61", "r.medium"),
        ("version: 1", "version: 2", "r.version"),
        ("  chat.profile: {points: 8, each: 2, most: 4}", "  chat.x: {}", "r.kinds.chat.x"),
        ("points: 8, each: 2", "points: 8, every: 2", "r.kinds.chat.profile.every"),
        ("possible: 30", "posible: 30", "r.confidence.posible"),
        ("kinds:", "kinds: [", "r line"),
    ],
)
def test_an_error_points_at_the_key(old: str, new: str, where: str) -> None:
    assert old in TEXT
    with pytest.raises(ProfileError) as caught:
        parse_ranking(TEXT.replace(old, new), where="r")
    assert str(caught.value.where).startswith(where)


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_ranking(tmp_path / "none.yaml")


HOSTILE = '<script>alert(1)</script><a href="http://x">\u202e=cmd|'


@pytest.fixture
def summary(tmp_path: Path) -> Summary:
    make_bundle(
        tmp_path / "a.bundle",
        [
            finding(1, "wallet.secret", summary=HOSTILE, account=HOSTILE),
            finding(2, "system.os", summary="operating system Debian"),
            finding(3, "system.account", name="alice"),
            finding(4, "system.account", name="daemon", for_software=True),
        ],
        coverage=[
            {"step": "volume", "volume": "p3", "reason": "locked:luks2", "counts": True},
            {"step": "pattern", "volume": "p1", "reason": None, "counts": False},
        ],
        sha256="ab" * 32,
    )
    make_bundle(tmp_path / "odd.bundle", [{"id": "f-1", "kind": "wallet.file"}])
    state = {
        "a.bundle": FINISHED,
        "odd.bundle": FINISHED,
        "bad.bundle": {"event": "failed", "exit_code": 1, "reason": HOSTILE},
        "gone.bundle": FINISHED,
    }
    drives = read_drives(
        tmp_path,
        [plan(name) for name in (*state, "waiting.bundle")],
        state,
        load_ranking(),
    )
    return Summary(
        written="2026-01-02T03:04:05Z",
        ranking="ranking",
        drives=tuple(drives),
        passed_over=(PassedOver(image=HOSTILE, reason="r", counts=True),),
        exit_code=1,
    )


def test_a_drive_is_read_from_its_bundle(summary: Summary) -> None:
    first = summary.drives[0]
    assert (first.bundle, first.outcome, first.findings) == ("a.bundle", "finished", 4)
    assert first.systems == ("Debian",)
    assert first.accounts == ("alice",)
    assert first.locked == ("p3: luks2, locked: its content is encrypted and no key was at hand",)
    assert (first.not_examined, first.seal_code) == (1, "AAAA-BBBB")
    assert [reason.points for reason in first.priority.reasons] == [50, 15]
    outcomes = {drive.bundle: drive.outcome for drive in summary.drives}
    assert outcomes["odd.bundle"] == outcomes["gone.bundle"] == outcomes["bad.bundle"] == "failed"
    assert outcomes["waiting.bundle"] == "not run"


def test_the_page_is_inert(summary: Summary) -> None:
    page = batch_page(summary).decode()
    assert page == batch_page(summary).decode()
    assert "<script" not in page
    assert "<a " not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://x", "")
    assert "\u202e" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    for word in ("not run", "AAAA-BBBB", "Passed over", "locked"):
        assert word in page


def test_tables_are_whole_and_inert(summary: Summary) -> None:
    table = summary_csv(summary).decode()
    assert table.count("\r\n") == 1 + len(summary.drives)
    assert "\u202e" not in table
    assert summary_json(summary).startswith(b"{")


def test_a_drive_whose_bundle_is_gone_does_not_stop_the_summary(tmp_path: Path) -> None:
    drive = read_drive(tmp_path / "x.bundle", plan("x.bundle"), FINISHED, load_ranking())
    assert drive.outcome == "failed"
    assert drive.priority.points == load_ranking().not_opened
