"""What libsodium 1.0.20 encrypted, by PyNaCl, as one message of a secret stream."""

from __future__ import annotations

import pytest

from triage.errors import ParseError
from triage.formats.secretstream import only_message

KEY = bytes(range(32))
SEALED = bytes.fromhex(
    "ca9d6552adc45bb327da24d382a31e081ce79a375516b8d68ea7df478e1ee7b3b70f2cbccd46ee56a76471a6afc370f7"
    "df3661b015cd6b46fe68d8e2cad52b7b"
)


def test_a_message_of_libsodium_opens() -> None:
    assert only_message(SEALED, KEY) == b"a picture of the garden"


@pytest.mark.parametrize("at", [0, 16, 23, 24, 25, 47, len(SEALED) - 1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    with pytest.raises(ParseError):
        only_message(SEALED[:at] + bytes([SEALED[at] ^ 1]) + SEALED[at + 1 :], KEY)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (SEALED[:40], KEY),
        (b"", KEY),
        (SEALED, KEY[:16]),
        (SEALED, bytes(32)),
        (SEALED[:-1], KEY),
    ],
)
def test_what_is_cut_short_or_of_another_key(data: bytes, key: bytes) -> None:
    with pytest.raises(ParseError):
        only_message(data, key)
