"""Texts that people write: addresses, phrases, ordinary lines."""

from __future__ import annotations

from typing import Final

from triage.formats.addresses import classify
from triage.training.artifacts.scene import Scene

_TICKERS: Final = {"bitcoin": "BTC", "ethereum": "ETH", "monero": "XMR"}


def addresses(scene: Scene) -> None:
    """Leave a note with addresses of cryptocurrencies.

    lines: each `text | address`. name: of the file.
    gives: path.
    """
    path = _path(scene, "payments.txt")
    lines = [line.rpartition("|") for line in scene.settings.strings("lines", ())]
    scene.file(path, "".join(f"{text.strip()} {one.strip()}\r\n" for text, _, one in lines))
    for _, _, one in lines:
        known = classify(one.strip())
        coin = _TICKERS.get(known.coin, known.coin) if known else None
        for tell in (lambda kind, **more: scene.shows(kind, path, main=True, **more), scene.trace):
            tell("indicator.crypto-address", crypto_address=one.strip(), coin=coin)
    scene.call(path=f"/{path}")


def phrase(scene: Scene) -> None:
    """Leave a recovery phrase in a text file, between ordinary lines.

    phrase: the words. name: of the file.
    gives: path, length.
    """
    path = _path(scene, "recipe.txt")
    words = scene.text("phrase")
    kind = {"secret_type": "bip39", "extent": f"{len(words.split())} words"}
    scene.file(path, f"for later, do not lose\r\n\r\n{words}\r\n\r\nflour, milk, two eggs\r\n")
    scene.shows("indicator.crypto-secret", path, main=True, **kind)
    scene.trace("indicator.crypto-secret", **kind)
    scene.call(path=f"/{path}", length=kind["extent"])


def text(scene: Scene) -> None:
    """Leave any text: a decoy that only looks like something, or a part of the story.

    text: what it says. name: of the file.
    gives: path.
    """
    path = _path(scene, "note.txt")
    scene.file(path, scene.text("text").replace("\n", "\r\n"))
    scene.call(path=f"/{path}")


def _path(scene: Scene, name: str) -> str:
    folder = scene.below("Documents", "Documents")
    return f"{folder}/{scene.text('name', name)}".lstrip("/")


MAKERS: Final = {"notes.addresses": addresses, "notes.phrase": phrase, "notes.text": text}
