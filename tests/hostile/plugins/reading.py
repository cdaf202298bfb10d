"""Extractors that show what was reached: one reads every file, one is the finding to be kept."""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import Artifact, Confidence, Shows, WebSite, extractor

_MOST = 1 << 16  # bytes of a file


@extractor(name="hostile.test.known", paths=("**/known*.txt",), yields=(WebSite,))
def known(artifact: Artifact) -> Iterator[WebSite]:
    """Read what no hostile neighbour may change."""
    yield _site(artifact.text().strip(), "known")


@extractor(name="hostile.test.every", paths=("**/*",), yields=(WebSite,))
def every(artifact: Artifact) -> Iterator[WebSite]:
    """Read the first bytes of every file and yield its path."""
    artifact.head(_MOST)
    yield _site(artifact.path, "every")


def _site(host: str, trace: str) -> WebSite:
    return WebSite(host=host, trace=trace, shows=Shows.PRESENT, confidence=Confidence.POSSIBLE)
