"""Ed25519: the public key behind an expanded secret key, as tor and its programs store it.

tor keeps the 64 bytes that Ed25519 derives from a seed (scalar and prefix), not the seed, so
libraries that start from a seed cannot help. Formulas: RFC 8032, section 5.1. Not constant time,
which does not matter here: nothing is signed, and the evidence lies open already.
"""

from __future__ import annotations

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960
_Point = tuple[int, int, int, int]  # extended coordinates
_LENGTH = 32


def public_key(scalar: bytes) -> bytes:
    """Return 32 bytes of public key for the first 32 bytes of an expanded secret key.

    Raises ValueError for any other length.
    """
    if len(scalar) != _LENGTH:
        raise ValueError("a scalar has 32 bytes")
    number = int.from_bytes(scalar, "little") % _ORDER
    result: _Point = (0, 1, 1, 0)
    point: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
    while number:
        if number & 1:
            result = _add(result, point)
        point = _add(point, point)
        number >>= 1
    inverse = pow(result[2], _P - 2, _P)
    x, y = result[0] * inverse % _P, result[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(_LENGTH, "little")


def _add(one: _Point, two: _Point) -> _Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)
