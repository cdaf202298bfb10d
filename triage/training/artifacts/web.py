"""Browsers of everybody: history and bookmarks of Firefox and Chrome."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

from triage.training.artifacts.scene import Scene
from triage.training.writers import chromium, mozilla
from triage.training.writers.mozilla import Bookmark, Visit


def firefox(scene: Scene) -> None:
    """Leave a Firefox profile: history and bookmarks.

    visits, bookmarks: addresses, each `address` or `address | title`.
    gives: path.
    """
    root = scene.below(
        "AppData/Roaming/Mozilla/Firefox/Profiles/tr41n1ng.default-release",
        ".mozilla/firefox/tr41n1ng.default-release",
        "Firefox/tr41n1ng.default-release",
    )
    visits = [_parts(line) for line in scene.settings.strings("visits", ())]
    bookmarks = [_parts(line) for line in scene.settings.strings("bookmarks", ())]
    rows: list[Bookmark | Visit] = [
        Visit(url=url, title=title, when=scene.minutes(7 + 11 * number))
        for number, (url, title) in enumerate(visits)
    ]
    rows += [
        Bookmark(url=url, title=title, added=scene.minutes(3000 + 60 * number))
        for number, (url, title) in enumerate(bookmarks)
    ]
    created = scene.when - timedelta(days=200)
    data, _ = mozilla.places(scene.own, created=created, main=rows)
    scene.file(f"{root}/places.sqlite", data)
    times = {"created": round(created.timestamp() * 1000), "firstUse": None}
    scene.file(f"{root}/times.json", json.dumps(times), created)
    for url, title in visits:
        scene.shows("web.visit", f"{root}/places.sqlite", main=True, url=url, page_title=title)
    for url, title in bookmarks:
        scene.shows("web.bookmark", f"{root}/places.sqlite", main=True, url=url, page_title=title)
    scene.call(path=f"/{root}")


def chrome(scene: Scene) -> None:
    """Leave a Chrome profile: history.

    visits: addresses, each `address` or `address | title`.
    gives: path.
    """
    root = scene.below(
        "AppData/Local/Google/Chrome/User Data/Default",
        ".config/google-chrome/Default",
        "Chrome/User Data/Default",
    )
    visits = [_parts(line) for line in scene.settings.strings("visits", ())]
    rows: list[tuple[str, tuple[object, ...]]] = []
    for number, (url, title) in enumerate(visits, 1):
        when = chromium.webkit(scene.minutes(5 + 13 * number))
        rows.append(("urls", (number, url, title, 1, when)))
        rows.append(("visits", (number, number, when, 0, chromium.TYPED, "")))
        scene.shows("web.visit", f"{root}/History", main=True, url=url, page_title=title)
    scene.file(f"{root}/History", chromium.history(rows))
    scene.call(path=f"/{root}")


def _parts(line: str) -> tuple[str, str]:
    url, _, title = (part.strip() for part in line.partition("|"))
    return (url if "://" in url else f"http://{url}/"), title or url


MAKERS: Final = {"web.firefox": firefox, "web.chrome": chrome}
