"""Chat: Pidgin, Signal Desktop, Telegram Desktop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from triage.formats.tdf import folder_of
from triage.training.artifacts.scene import Claim, Scene
from triage.training.people import Person
from triage.training.truth import Wanted
from triage.training.writers import purple, sqlcipher, telegram
from triage.training.writers.sqlite import Statement

_SIGNAL_SCHEMA: Final = (  # those columns of Signal Desktop 7 that matter
    "CREATE TABLE items(id STRING PRIMARY KEY ASC, json TEXT)",
    (
        "CREATE TABLE conversations(id STRING PRIMARY KEY ASC, json TEXT, active_at INTEGER, type"
        " STRING, members TEXT, name TEXT, profileName TEXT, profileFullName TEXT, e164 TEXT,"
        " serviceId TEXT, groupId TEXT)"
    ),
    (
        "CREATE TABLE messages(rowid INTEGER PRIMARY KEY ASC, id STRING, json TEXT,"
        " sent_at INTEGER, conversationId STRING, source STRING, hasAttachments INTEGER,"
        " expireTimer INTEGER, type STRING, body TEXT, sourceServiceId TEXT)"
    ),
)
_SIGNAL_MESSAGE: Final = (
    "INSERT INTO messages (rowid, id, sent_at, conversationId, type, body,"
    " sourceServiceId, hasAttachments, expireTimer) VALUES (?,?,?,'c1',?,?,?,0,0)"
)


def _lines(scene: Scene) -> Iterator[tuple[datetime, bool, str]]:
    """Yield (when, own, text) of `messages`, each `> text` to the other or `< text` from there."""
    messages = scene.settings.strings("messages", ())
    for number, line in enumerate(messages):
        mark, text = line[:1], line[1:].strip()
        yield scene.minutes(3 * (len(messages) - number)), mark == ">", text


def pidgin(scene: Scene) -> None:
    """Leave Pidgin: an XMPP account whose password is saved, a contact with a verified key, a log.

    with: whom, a key of `people`. messages: `> text` to the other, `< text` from there.
    gives: path, account, peer.
    """
    root = scene.below("AppData/Roaming/.purple", ".purple", ".purple")
    other = scene.person("with")
    account, peer = f"{scene.owner.account}@jabber.example", f"{other.account}@jabber.example"
    lines = [purple.Line(when=when, text=text, own=own) for when, own, text in _lines(scene)]
    purple.folder(
        scene.tree,
        root,
        scene.own,
        account=account,
        alias=scene.owner.name,
        buddies=[
            purple.Buddy(
                name=peer,
                alias=other.name,
                trust="verified",
                fingerprint=purple.fingerprint(purple.otr_key(scene.inventor, peer)),
            )
        ],
        conversations={peer: lines} if lines else {},
        when=scene.when,
        offset=scene.zone,
        owner=scene.owner.account,
    )
    # What all that were made by this program would share is no link between them.
    scene.file(f"{root}/otr.private_key", purple.otr_key(scene.inventor, account))
    scene.file(f"{root}/prefs.xml", purple.prefs(f"/{scene.home}/Downloads"))
    scene.file(f"{root}/status.xml", purple.status(scene.minutes(4000)))
    for fact in scene.tree.facts:
        match: dict[str, Wanted] = {
            f"value.{name}": value
            for name, value in fact.value.items()
            if isinstance(value, str | int | bool)
        }
        main = fact.kind in {"chat.account", "chat.message"}
        path = fact.path.lstrip("/")
        scene.claims.append(Claim(kind=fact.kind, path=path, match=match, main=main))
    scene.call(path=f"/{root}", account=account, peer=peer)


def signal(scene: Scene) -> None:
    """Leave Signal Desktop: its store, encrypted, and the key beside it as before 2024.

    with: whom, a key of `people`. messages: `> text` to the other, `< text` from there.
    gives: path, peer.
    """
    root = scene.below("AppData/Roaming/Signal", ".config/Signal", "Signal")
    other, key = scene.person("with"), scene.own.bytes("signal key", 32)
    scene.file(f"{root}/config.json", json.dumps({"key": key.hex()}))
    statements: list[Statement] = [*_SIGNAL_SCHEMA, *_signal_rows(scene, other)]
    store = sqlcipher.encrypted(statements, key=key, salt=scene.own.bytes("signal salt", 16))
    scene.file(f"{root}/sql/db.sqlite", store)
    scene.shows("chat.profile", f"{root}/config.json", main=True, application="signal-desktop")
    scene.call(path=f"/{root}", peer=other.name)


def _signal_rows(scene: Scene, other: Person) -> Iterator[tuple[str, tuple[object, ...]]]:
    def uuid(person: Person) -> str:
        digits = scene.inventor.bytes(f"signal {person.key}", 16).hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    own = (("uuid_id", f"{uuid(scene.owner)}.2"), ("number_id", f"+{scene.owner.phone}.2"))
    for name, value in own:
        yield "INSERT INTO items VALUES (?,?)", (name, json.dumps({"id": name, "value": value}))
    yield (
        "INSERT INTO conversations VALUES ('c1','{}',NULL,'private',NULL,NULL,?,?,?,?,NULL)",
        (other.name, other.full_name, f"+{other.phone}", uuid(other)),
    )
    for number, (when, mine, text) in enumerate(_lines(scene), 1):
        yield (
            _SIGNAL_MESSAGE,
            (
                number,
                f"m{number}",
                int(when.timestamp() * 1000),
                "outgoing" if mine else "incoming",
                text,
                None if mine else uuid(other),
            ),
        )


def telegram_desktop(scene: Scene) -> None:
    """Leave Telegram Desktop: who is logged in, without a passcode; it keeps no messages.

    gives: path, number.
    """
    root = scene.below(
        "AppData/Roaming/Telegram Desktop/tdata",
        ".local/share/TelegramDesktop/tdata",
        "Telegram/tdata",
    )
    owner, key = scene.owner, scene.own.bytes("telegram key", 256)
    number = 1_000_000_000 + int.from_bytes(scene.own.bytes("telegram", 3), "big")
    person = telegram.person(number, owner.name, "Training", owner.phone, f"{owner.account}_tr")
    folder = folder_of("data")
    scene.file(f"{root}/key_datas", telegram.key_file(key, [0]))
    scene.file(f"{root}/{folder}s", telegram.account_file(key, number, 2))
    scene.file(f"{root}/{folder}/maps", telegram.map_file(key, person, []))
    scene.shows("chat.profile", f"{root}/key_datas", main=True, application="telegram-desktop")
    scene.call(path=f"/{root}", number=str(number))


MAKERS: Final = {
    "chat.pidgin": pidgin,
    "chat.signal": signal,
    "chat.telegram": telegram_desktop,
}
