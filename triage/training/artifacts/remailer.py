"""Anonymous remailers: messages in mail folders."""

from __future__ import annotations

import base64
import hashlib
from email.utils import format_datetime
from typing import Final

from triage.training.artifacts.mail import mbox
from triage.training.artifacts.scene import Scene

_LINE = 40


def mixmaster(scene: Scene) -> None:
    """Leave a folder of sent mail with a Mixmaster packet to a remailer, among ordinary messages.

    remailer: address of the remailer.
    gives: path, remailer.
    """
    path = _path(scene)
    remailer = scene.text("remailer", "mix@relay.example")
    packet = _packet(scene.own.bytes("packet", 20480))
    scene.file(path, _ordinary(scene) + _sent(scene, packet, remailer, "", 0))
    scene.shows(
        "mail.remailer-message", path, main=True, mail_recipients=(remailer,), outgoing=True
    )
    scene.call(path=f"/{path}", remailer=remailer)


def cypherpunk(scene: Scene) -> None:
    """Leave a folder of sent mail with a message that a cypherpunk remailer is to send on.

    remailer: address of the remailer. to: whom it is to be sent on to.
    gives: path, remailer, to.
    """
    path = _path(scene)
    remailer = scene.text("remailer", "remailer@relay.example")
    to = scene.text("to", "press@paper.example")
    body = f"::\nAnon-To: {to}\nLatent-Time: +0:30r\n\n##\nSubject: for you\n\nAs agreed."
    scene.file(path, _ordinary(scene) + _sent(scene, body, remailer, "", 0))
    scene.shows(
        "mail.remailer-message", path, main=True, mail_recipients=(remailer,), outgoing=True
    )
    scene.call(path=f"/{path}", remailer=remailer, to=to)


def _path(scene: Scene) -> str:
    folder = scene.below("Documents/mail", "mail", "mail")
    return f"{folder}/{scene.text('name', 'sent')}"


def _sent(scene: Scene, body: str, to: str, subject: str, minutes: int) -> bytes:
    when = scene.minutes(minutes)
    return mbox(
        body,
        when=when,
        From=f"{scene.owner.full_name} <{scene.owner.mail}>",
        To=to,
        Subject=subject,
        Date=format_datetime(when),
    )


def _ordinary(scene: Scene) -> bytes:
    return _sent(scene, "See you at eight.\n", "friend@post.example", "tonight", 900)


def _packet(data: bytes) -> str:
    """As Mixmaster's `mix_armor` writes it; its content is noise."""
    check = hashlib.md5(data, usedforsecurity=False).digest()
    packed = base64.b64encode(data).decode()
    return "\n".join(
        [
            "::",
            "Remailer-Type: Mixmaster 3.0",
            "",
            "-----BEGIN REMAILER MESSAGE-----",
            str(len(data)),
            base64.b64encode(check).decode(),
            *(packed[at : at + _LINE] for at in range(0, len(packed), _LINE)),
            "-----END REMAILER MESSAGE-----",
        ]
    )


MAKERS: Final = {"remailer.mixmaster": mixmaster, "remailer.cypherpunk": cypherpunk}
