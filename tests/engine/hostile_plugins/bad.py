"""Extractors that do what a taken-over parser would do. Loaded by path in tests."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from typing import Any

from triage.api import (
    Artifact,
    Confidence,
    CredentialKind,
    ParseError,
    Shows,
    TorClient,
    WalletFile,
    WebSite,
    extractor,
)


def _site(host: str) -> WebSite:
    return WebSite(host=host, trace="test", shows=Shows.PRESENT, confidence=Confidence.POSSIBLE)


@extractor(name="bad.test.fine", paths=("**/fine.txt",), yields=(WebSite,))
def fine(artifact: Artifact) -> Iterator[WebSite]:
    """Read a line and yield it: what must survive whatever the others do."""
    yield _site(artifact.text().strip())


@extractor(name="bad.test.crash", paths=("**/crash.txt",), yields=(WebSite,))
def crash(artifact: Artifact) -> Iterator[WebSite]:
    """Kill the process."""
    yield _site(artifact.path)
    ctypes.string_at(0)


@extractor(name="bad.test.locked", paths=("**/locked.txt",), yields=(WebSite,))
def locked(artifact: Artifact) -> Iterator[WebSite]:
    """Say which of the passwords given for it stands in the file, and what it costs to try."""
    word, _, cost = artifact.text().strip().partition(" ")
    for password in artifact.passwords(cost=int(cost or "1")):
        if password.text == word:
            yield _site(str(password))
    for key in artifact.keys(CredentialKind.KEY):
        yield _site(f"key: {key}")


@extractor(name="bad.test.hang", paths=("**/hang.txt",), yields=(WebSite,))
def hang(artifact: Artifact) -> Iterator[WebSite]:
    """Never come back."""
    yield _site(artifact.path)
    while True:
        pass


@extractor(name="bad.test.eat", paths=("**/eat.txt",), yields=(WebSite,))
def eat(artifact: Artifact) -> Iterator[WebSite]:
    """Take all memory."""
    yield _site(artifact.path)
    hoard = []
    while True:
        hoard.append(bytearray(1 << 26))


@extractor(name="bad.test.lie", paths=("**/lie.txt",), yields=(WebSite,))
def lie(artifact: Artifact) -> Iterator[Any]:
    """Yield a kind that was not declared."""
    yield _site(artifact.path)
    yield TorClient(directory="/", shows=Shows.USED, confidence=Confidence.CONFIRMED)


@extractor(name="bad.test.type", paths=("**/type.txt",), yields=(WalletFile,))
def wrong_type(artifact: Artifact) -> Iterator[WalletFile]:
    """Put a number where text belongs."""
    del artifact
    yield WalletFile(
        software=5,  # type: ignore[arg-type] # the point of it
        shows=Shows.PRESENT,
        confidence=Confidence.CONFIRMED,
    )


@extractor(name="bad.test.many", paths=("**/many.txt",), yields=(WebSite,))
def many(artifact: Artifact) -> Iterator[WebSite]:
    """Yield without end."""
    number = 0
    while True:
        yield _site(f"{artifact.entry.name}-{number}")
        number += 1


@extractor(name="bad.test.escape", paths=("**/escape.txt",), yields=(WebSite,))
def escape(artifact: Artifact) -> Iterator[WebSite]:
    """Try to open a path of the host; say what happened."""
    del artifact
    for path in ("/etc/hostname", "/proc/self/environ"):
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        yield _site("escaped")


@extractor(name="bad.test.speak", paths=("**/speak.txt",), yields=(WebSite,))
def speak(artifact: Artifact) -> Iterator[WebSite]:
    """Write to the standard output, where answers used to go."""
    os.write(1, b"\x00\x00\x00\x04garbage")
    print("hello")  # noqa: T201 - the point of it
    yield _site(artifact.entry.name)


@extractor(name="bad.test.secret", paths=("**/secret.txt",), yields=(WebSite,))
def secret(artifact: Artifact) -> Iterator[WebSite]:
    """Put a seed phrase into a field, a problem and an exception."""
    text = artifact.text().strip()
    artifact.problem(f"found {text}")
    yield _site(text)
    raise ValueError(text)


@extractor(name="bad.test.huge", paths=("**/huge.txt",), yields=(WebSite,))
def huge(artifact: Artifact) -> Iterator[WebSite]:
    """Yield more text than a message holds, after a finding that is fine."""
    yield _site(artifact.path)
    yield _site("x" * 100_000_000)


@extractor(name="bad.test.loud", paths=("**/loud.txt",), yields=(WebSite,))
def loud(artifact: Artifact) -> Iterator[WebSite]:
    """Complain at great length."""
    artifact.problem("x" * 100_000_000, locator="y" * 100_000_000)
    yield _site(artifact.path)
    raise ParseError("z" * 100_000_000)


@extractor(name="bad.test.flood", paths=("**/flood.txt",), yields=(WebSite,))
def flood(artifact: Artifact) -> Iterator[WebSite]:
    """Yield long texts without end."""
    while True:
        yield _site(f"{artifact.path}{'x' * 1_000_000}")


@extractor(name="bad.test.head", paths=("**/head.txt",), yields=(WebSite,))
def head(artifact: Artifact) -> Iterator[WebSite]:
    """Read a byte of what may be long."""
    artifact.head(1)
    yield _site("head")
