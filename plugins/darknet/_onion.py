"""Onion addresses of expanded secret keys, as tor's control port hands them out."""

from __future__ import annotations

from triage.formats.ed25519 import public_key
from triage.formats.onion import onion_address

_EXPANDED = 64  # bytes: scalar and prefix
_SCALAR = 32


def address_of(key: bytes) -> str | None:
    """Return `<56 characters>.onion` for an expanded key, None for anything else."""
    if len(key) != _EXPANDED:
        return None
    return onion_address(public_key(key[:_SCALAR]))
