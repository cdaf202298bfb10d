"""Runs that open locked volumes: with a key that lies on the image, with what was given, or not."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import lines
from tests.engine.runs import go, options, records
from tests.evidence.test_locked import disk
from tests.hostile.fat import Fat, long_name
from triage import profile
from triage.credentials import Credential, CredentialKind
from triage.engine import volume_secrets
from triage.engine.source import open_source
from triage.errors import ExitCode
from triage.evidence.locks import SecretKind
from triage.registry import NONE
from triage.training.writers.luks import luks1

IMAGES = Path(__file__).parents[2] / "fixtures" / "images"
KEY = b"the bytes of a key file, \x00 and more"
RECOVERY = "-".join(["000011"] * 8)


def small_fat() -> bytes:
    """Return a volume with a key file of an installer and two texts of Windows."""
    volume = Fat(sectors=2048)
    texts = {
        "BitLocker Recovery Key A.txt": f"Identifier\r\n{RECOVERY}\r\n".encode("utf-16"),
        "shopping list.txt": "-".join(["000022"] * 8).encode(),
    }
    root = b""
    for number, (name, data) in enumerate({"crypto_keyfile.bin": KEY, **texts}.items()):
        short = f"FILE{number}"
        made = volume.file(f"{short}.txt", data)
        root += long_name(name.encode("utf-16-le"), made[:11]) + made
    return volume.image([root])


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ext4 = gzip.decompress((IMAGES / "odd-ext4.raw.gz").read_bytes())
    path = tmp_path_factory.mktemp("unlock") / "image.raw"
    path.write_bytes(disk(small_fat(), luks1(ext4, KEY)))
    return path


def test_what_lies_on_readable_volumes_is_found(image: Path) -> None:
    source = open_source(image, allow_incomplete=False, allow_writable_device=False)
    found = list(volume_secrets.found(source, entries=1000))
    assert [(one.kind, one.value, one.origin) for one in found] == [
        (
            SecretKind.RECOVERY_KEY,
            RECOVERY.encode(),
            "recovery key in p1/BitLocker Recovery Key A.txt",
        ),
        (SecretKind.KEY_FILE, KEY, "key file p1/crypto_keyfile.bin"),
    ]


def test_credentials_bound_to_extractors_are_not_for_volumes() -> None:
    kinds = (CredentialKind.VOLUME_PASSWORD, CredentialKind.PASSWORD, CredentialKind.KEY)
    given = [Credential(number=n, kind=kind, value=b"x") for n, kind in enumerate(kinds, 1)]
    given.append(replace(given[2], number=4, extractors=("chat.*",)))
    found = [(one.kind, one.origin) for one in volume_secrets.given(given)]
    assert found == [
        (SecretKind.PASSWORD, "password, entry 1 of the credentials file"),
        (SecretKind.KEY, "key, entry 3 of the credentials file"),
    ]


def test_a_key_on_the_image_opens_a_volume_of_it(image: Path) -> None:
    bundles = []
    for jobs in (1, 3):
        output = image.with_name(f"{jobs}.bundle")
        chosen = replace(profile.load([]), decrypt="found")
        only = ("tor.data-directory.state",)
        made = go(options(image, output, profile=chosen, only=only, plugins=NONE, jobs=jobs))
        assert made.exit_code is ExitCode.OK
        bundles.append(output)
    assert records(bundles[0]) == records(bundles[1])
    findings = lines(bundles[0] / "data" / "findings.jsonl")
    (volume,) = [r for r in findings if r["kind"] == "encryption.volume"]
    assert volume["value"]["state"] == "opened"
    assert volume["value"]["details"]["opened_by"] == "key file p1/crypto_keyfile.bin"
    found = [r for r in findings if r["kind"] == "tor.client"]
    assert {r["source"]["volume"] for r in found} == {"p2/luks"}
    tor = found[0]
    files = lines(bundles[0] / "data" / "files.jsonl")
    runs = [
        run for file in files if file["key"] == tor["source"]["file"] for run in file["byte_runs"]
    ]
    assert {run["storage"] for run in runs} == {"encrypted"}
    assert all(KEY not in path.read_bytes() for path in bundles[0].rglob("*") if path.is_file())


def test_without_a_key_the_volume_stays_a_gap(image: Path) -> None:
    output = image.with_name("locked.bundle")
    wrong = Credential(number=1, kind=CredentialKind.VOLUME_PASSWORD, value=b"wrong")
    chosen = options(image, output, only=("tor.tails.*",), plugins=NONE, credentials=(wrong,))
    assert go(chosen).exit_code is ExitCode.INCOMPLETE
    coverage = lines(output / "data" / "coverage.jsonl")
    (line,) = [line for line in coverage if line["counts"]]
    assert (line["volume"], line["reason"]) == ("p2", "locked:luks1")
