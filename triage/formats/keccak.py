"""Keccak-256 as Ethereum and Monero use it: the padding from before SHA-3 became a standard.

`hashlib.sha3_256` differs in one padding byte and cannot be made to leave it out. Checked against
the empty string and `abc` of the Keccak team's known answers. About 0.15 ms a block of 136 bytes.
"""

from __future__ import annotations

_RATE = 136  # bytes absorbed per permutation
_MASK = (1 << 64) - 1


def _round_constants() -> tuple[int, ...]:
    constants = []
    register = 1  # the LFSR of FIPS 202, section 3.2.5
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


def _moves() -> tuple[tuple[int, int, int], ...]:
    """Rho and pi together: (from lane, to lane, rotation)."""
    moves = [(0, 0, 0)]
    x, y = 1, 0
    for step in range(24):
        target = (y, (2 * x + 3 * y) % 5)
        moves.append((x + 5 * y, target[0] + 5 * target[1], (step + 1) * (step + 2) // 2 % 64))
        x, y = target
    return tuple(moves)


_CONSTANTS = _round_constants()
_MOVES = _moves()


def _permute(lanes: list[int]) -> list[int]:
    moved = [0] * 25
    for constant in _CONSTANTS:
        a, b, c, d, e = (
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
            for x in range(5)
        )
        theta = (
            e ^ (b << 1 & _MASK | b >> 63),
            a ^ (c << 1 & _MASK | c >> 63),
            b ^ (d << 1 & _MASK | d >> 63),
            c ^ (e << 1 & _MASK | e >> 63),
            d ^ (a << 1 & _MASK | a >> 63),
        )
        for source, target, turn in _MOVES:
            lane = lanes[source] ^ theta[source % 5]
            moved[target] = (lane << turn | lane >> (64 - turn)) & _MASK
        lanes = [
            moved[row + i] ^ (~moved[row + (i + 1) % 5] & moved[row + (i + 2) % 5])
            for row in (0, 5, 10, 15, 20)
            for i in range(5)
        ]
        lanes[0] ^= constant
    return lanes


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest."""
    padded = bytearray(data) + bytes(_RATE - len(data) % _RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for block in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            start = block + 8 * lane
            lanes[lane] ^= int.from_bytes(padded[start : start + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])
