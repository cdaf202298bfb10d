"""OpenPGP: keys and encrypted messages in files."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from triage.training.artifacts.scene import Scene
from triage.training.people import Person
from triage.training.writers.openpgp import Key, armored


def key_of(scene: Scene, person: Person) -> Key:
    """Return the key of somebody: the same in all artifacts of a scenario."""
    return Key(
        inventor=scene.inventor,
        user_id=f"{person.full_name} <{person.mail}>",
        created=scene.begin - timedelta(days=90),
    )


def secret_key(scene: Scene) -> None:
    """Leave an exported private key, armored, under a passphrase.

    name: of the file. of: whose key it is; the account's own when not given.
    gives: path, fingerprint, owner.
    """
    person = scene.people[scene.settings.take("of", str, scene.owner.key)]
    path = f"{scene.below('Documents', 'Documents')}/{scene.text('name', 'backup.asc')}".lstrip("/")
    key = key_of(scene, person)
    scene.file(path, armored("PRIVATE KEY BLOCK", key.secret()))
    scene.shows("pgp.key", path, main=True, fingerprint=key.fingerprint)
    scene.call(path=f"/{path}", fingerprint=key.fingerprint, owner=key.user_id)


def keyring(scene: Scene) -> None:
    """Leave a GnuPG keyring: the own public key and those of others.

    others: keys of `people`.
    gives: path, keys, fingerprint.
    """
    root = scene.below("AppData/Roaming/gnupg", ".gnupg", "gnupg")
    keys = [key_of(scene, scene.owner)]
    keys += [key_of(scene, scene.people[name]) for name in scene.settings.strings("others", ())]
    scene.file(f"{root}/pubring.gpg", b"".join(key.public() for key in keys))
    for key in keys:
        scene.shows("pgp.key", f"{root}/pubring.gpg", main=True, fingerprint=key.fingerprint)
    scene.call(path=f"/{root}", keys=str(len(keys)), fingerprint=keys[-1].fingerprint)


def message(scene: Scene) -> None:
    """Leave an encrypted message, armored.

    to: whose key it is encrypted to. name: of the file.
    gives: path, to, fingerprint.
    """
    path = f"{scene.below('Documents', 'Documents')}/{scene.text('name', 'order.asc')}".lstrip("/")
    key = key_of(scene, scene.person("to"))
    scene.file(path, armored("MESSAGE", key.message(scene.id, 420)))
    scene.shows("pgp.message", path, main=True, recipient_keys=(key.subkey_id,))
    scene.call(path=f"/{path}", to=key.user_id, fingerprint=key.fingerprint)


MAKERS: Final = {"pgp.secret-key": secret_key, "pgp.keyring": keyring, "pgp.message": message}
