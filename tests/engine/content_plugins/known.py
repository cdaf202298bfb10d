"""Extractors that know their files by content. Loaded by path in tests."""

from __future__ import annotations

from collections.abc import Iterator

from triage.api import (
    Artifact,
    Confidence,
    Header,
    HeaderPattern,
    JsonObject,
    Shows,
    SqliteSchema,
    WebSite,
    extractor,
)


def _site(artifact: Artifact) -> Iterator[WebSite]:
    yield WebSite(
        host=artifact.entry.name, trace="test", shows=Shows.PRESENT, confidence=Confidence.POSSIBLE
    )


@extractor(
    name="content.test.magic",
    paths=("**/known.bin",),
    content=(
        Header(b"MAGIC\0\1"),
        Header(b"tail", offset=4092),
        Header(b"nobody has this"),
        HeaderPattern(rb"v[0-9]+\n", first=b"v"),
    ),
    yields=(WebSite,),
)
def magic(artifact: Artifact) -> Iterator[WebSite]:
    """Name what begins as it should."""
    yield from _site(artifact)


@extractor(
    name="content.test.schema",
    paths=("**/notes.db",),
    content=(SqliteSchema({"notes": {"id", "text"}}),),
    yields=(WebSite,),
)
def schema(artifact: Artifact) -> Iterator[WebSite]:
    """Name a database by its tables."""
    yield from _site(artifact)


@extractor(name="content.test.object", content=(JsonObject({"alpha", "omega"}),), yields=(WebSite,))
def json_object(artifact: Artifact) -> Iterator[WebSite]:
    """Name a JSON object by its keys; no path leads to it."""
    yield from _site(artifact)
