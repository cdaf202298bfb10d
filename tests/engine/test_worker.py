"""What a worker does with the answers of an extractor before it sends them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from triage.engine import messages as m
from triage.engine.worker import Worker, characters
from triage.errors import LimitError
from triage.findings import Confidence, Shows, WebSite
from triage.profile import Limits


def site(host: str, secret: str | None = None) -> WebSite:
    return WebSite(
        host=host,
        trace="test",
        shows=Shows.PRESENT,
        confidence=Confidence.POSSIBLE,
        secret=secret,
    )


def sent(findings: Iterator[Any], *, send_secrets: bool = False) -> tuple[list[m.Found], str]:
    """Return what reaches the run, and the limit that was met."""
    found: list[m.Found] = []
    worker: Any = SimpleNamespace(
        channel=SimpleNamespace(send=found.append),
        limits=Limits(findings_per_artifact=1000),
        request=SimpleNamespace(send_secrets=send_secrets, send_locks=False),
    )
    extractor: Any = SimpleNamespace(yields=(WebSite,))
    try:
        Worker._findings(worker, extractor, findings)
    except LimitError as error:
        return found, error.message
    return found, ""


@pytest.mark.parametrize(
    ("length", "most"), [(10, 1000), (1 << 19, 1 << 7), ((1 << 20) - 100, 64), (1 << 20, 0)]
)
def test_findings_are_limited_by_number_and_by_length(length: int, most: int) -> None:
    found, limit = sent(site("x" * length) for _ in range(2000))
    assert limit
    assert most * 0.9 <= len(found) <= most


@pytest.mark.parametrize("send", [True, False])
def test_a_secret_leaves_only_when_there_is_a_recipient(*, send: bool) -> None:
    found, _ = sent(iter([site("a", secret="word")]), send_secrets=send)  # noqa: S106 - no password
    assert [answer.finding["secret"] for answer in found] == ["word" if send else None]


def test_characters_are_counted_wherever_they_stand() -> None:
    assert characters({"a": "12", "b": ["345", {"c": "6"}], "d": 7, "e": None}) == 6
