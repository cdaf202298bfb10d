"""Lists of hidden services that people keep: notes and exported bookmarks."""

from __future__ import annotations

from typing import Final

from triage.training.artifacts.scene import Scene


def links(scene: Scene) -> None:
    """Leave a note with onion addresses, one a line.

    onions: the addresses, each `address` or `address | word about it`.
    name: of the file.
    gives: path.
    """
    folder = scene.below("Documents", "Documents")
    path = f"{folder}/{scene.text('name', 'links.txt')}".lstrip("/")
    onions = [line.partition("|") for line in scene.settings.strings("onions", ())]
    text = "".join(f"{about.strip() or 'mirror'}  {one.strip()}\r\n" for one, _, about in onions)
    scene.file(path, text)
    for one, _, _ in onions:
        scene.shows("indicator.onion", path, main=True, onion=one.strip())
        scene.trace("indicator.onion", onion=one.strip())
    scene.call(path=f"/{path}")


def bookmarks(scene: Scene) -> None:
    """Leave bookmarks exported as a page: ordinary ones, and onion addresses among them.

    onions: the addresses, each `address` or `address | title`.
    gives: path.
    """
    folder = scene.below("Documents", "Documents")
    path = f"{folder}/{scene.text('name', 'bookmarks.html')}".lstrip("/")
    stamp = int(scene.minutes(60).timestamp())
    ordinary = [("https://weather.example/", "Weather"), ("https://trains.example/", "Trains")]
    onions = [line.partition("|") for line in scene.settings.strings("onions", ())]
    marks = [(f"http://{one.strip()}/", about.strip() or "page") for one, _, about in onions]
    lines = "".join(
        f'    <DT><A HREF="{url}" ADD_DATE="{stamp + number}">{title}</A>\n'
        for number, (url, title) in enumerate([ordinary[0], *marks, ordinary[1]])
    )
    scene.file(
        path,
        "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n"
        '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">\n'
        f"<TITLE>Bookmarks</TITLE>\n<H1>Bookmarks</H1>\n<DL><p>\n{lines}</DL><p>\n",
    )
    for one, _, _ in onions:
        scene.shows("indicator.onion", path, main=True, onion=one.strip())
        scene.trace("indicator.onion", onion=one.strip())
    scene.call(path=f"/{path}")


MAKERS: Final = {"darknet.links": links, "darknet.bookmarks": bookmarks}
