"""ICC profiles for colour spaces that a file declares by numbers.

The codes are those of ITU-T H.273, which PNG (`cICP`) and AVIF (`nclx`) share. A profile is a
version 2 matrix profile (ICC.1:2001-04, 6.3.1): every viewer and libvips read it.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Final

Curve = Callable[[float], float]
Vector = tuple[float, float, float]
Matrix = Sequence[Sequence[float]]  # three rows of three

CURVE_POINTS: Final = 4096  # enough for the steep start of PQ
REFERENCE_WHITE_NITS: Final = 203  # ITU-R BT.2408: diffuse white of HDR; brighter is clipped
_D65: Final = (0.3127, 0.3290)
_DCI_WHITE: Final = (0.314, 0.351)
_C_WHITE: Final = (0.310, 0.316)
_D50_XYZ: Final = (0.9642, 1.0, 0.8249)
_BRADFORD: Final[Matrix] = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)


@dataclass(frozen=True, kw_only=True)
class Chromaticities:
    """The x and y of the three primaries and of white."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float] = _D65


@dataclass(frozen=True, kw_only=True)
class ColourSpace:
    """Primaries and the curve from a stored value to light, both from 0 to 1."""

    primaries: Chromaticities
    curve: Curve


def srgb_curve(value: float) -> float:
    """Return the light of a value by IEC 61966-2-1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def power(exponent: float) -> Curve:
    """Return a plain gamma curve."""
    return lambda value: float(value**exponent)


def pq_curve(value: float) -> float:
    """Return the light of a value by SMPTE ST 2084, 1 at the reference white, clipped there."""
    root = value ** (1 / 78.84375)
    nits = 10_000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578)
    return float(min(nits / REFERENCE_WHITE_NITS, 1))


def hlg_curve(value: float) -> float:
    """Return the light of a value by ARIB STD-B67, 1 at the reference white, clipped there."""
    reference = 0.2649  # scene light of 75 % signal, where BT.2408 puts the reference white
    low, high = value**2 / 3, (exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = low if value <= 0.5 else high
    return float(min((scene / reference) ** 1.2, 1))


SRGB: Final = Chromaticities(red=(0.64, 0.33), green=(0.30, 0.60), blue=(0.15, 0.06))
PRIMARIES: Final = {
    1: SRGB,
    4: Chromaticities(red=(0.67, 0.33), green=(0.21, 0.71), blue=(0.14, 0.08), white=_C_WHITE),
    5: Chromaticities(red=(0.64, 0.33), green=(0.29, 0.60), blue=(0.15, 0.06)),
    6: Chromaticities(red=(0.63, 0.34), green=(0.31, 0.595), blue=(0.155, 0.07)),
    7: Chromaticities(red=(0.63, 0.34), green=(0.31, 0.595), blue=(0.155, 0.07)),
    8: Chromaticities(
        red=(0.681, 0.319), green=(0.243, 0.692), blue=(0.145, 0.049), white=_C_WHITE
    ),
    9: Chromaticities(red=(0.708, 0.292), green=(0.170, 0.797), blue=(0.131, 0.046)),
    11: Chromaticities(red=(0.68, 0.32), green=(0.265, 0.69), blue=(0.15, 0.06), white=_DCI_WHITE),
    12: Chromaticities(red=(0.68, 0.32), green=(0.265, 0.69), blue=(0.15, 0.06)),
    22: Chromaticities(red=(0.63, 0.34), green=(0.295, 0.605), blue=(0.155, 0.077)),
}
# Browsers show the camera curves of television (1, 6, 14, 15) with the curve of sRGB.
CURVES: Final[dict[int, Curve]] = {
    **dict.fromkeys((1, 6, 13, 14, 15), srgb_curve),
    4: power(2.2),
    5: power(2.8),
    8: power(1.0),
    16: pq_curve,
    17: power(2.6),
    18: hlg_curve,
}
ADOBE_RGB: Final = ColourSpace(
    primaries=Chromaticities(red=(0.64, 0.33), green=(0.21, 0.71), blue=(0.15, 0.06)),
    curve=power(563 / 256),  # Adobe RGB (1998), 4.3.1.2
)


def space_from_cicp(primaries: int, transfer: int) -> ColourSpace | None:
    """Return the colour space of two H.273 codes; None when it is sRGB or not specified."""
    if (primaries, transfer) in {(2, 2), (1, 2), (2, 13)}:
        return None
    space = PRIMARIES.get(primaries, SRGB), CURVES.get(transfer, srgb_curve)
    return None if space == (SRGB, srgb_curve) else ColourSpace(primaries=space[0], curve=space[1])


def icc_profile(space: ColourSpace, *, grey: bool = False) -> bytes:
    """Return an ICC profile of a colour space, or of its grey axis."""
    tags = {
        b"desc": _description(b"Declared colours"),
        b"cprt": b"text\0\0\0\0No copyright, use freely\0",
        b"wtpt": _xyz(_D50_XYZ),
    }
    curve = _curve(space.curve)
    if grey:
        tags[b"kTRC"] = curve
    else:
        columns = zip(*_to_d50(space.primaries), strict=True)
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True):
            tags[name] = _xyz(column)
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _assembled(tags, b"GRAY" if grey else b"RGB ")


def _assembled(tags: dict[bytes, bytes], space: bytes) -> bytes:
    """Return header, tag table and tag data; equal data are stored once."""
    offset = 128 + 4 + 12 * len(tags)
    table, data, stored = b"", b"", dict[bytes, int]()
    for name, body in tags.items():
        if body not in stored:
            stored[body] = offset + len(data)
            data += body + bytes(-len(body) % 4)
        table += struct.pack(">4sII", name, stored[body], len(body))
    header = struct.pack(
        ">I4sI4s4s4s6H4s4sIIIIIIII",
        offset + len(data),
        *(b"\0\0\0\0", 0x02400000, b"mntr", space, b"XYZ "),
        *(2026, 1, 1, 0, 0, 0),
        *(b"acsp", b"\0\0\0\0", 0, 0, 0, 0, 0, 0),
        *(0x0000F6D6, 0x00010000),
    ) + struct.pack(">I", 0x0000D32D)
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags)) + table + data


def _to_d50(primaries: Chromaticities) -> Matrix:
    """Return the matrix from linear RGB to XYZ, adapted to D50 by Bradford's method."""
    points = (_xyz_of(point) for point in (primaries.red, primaries.green, primaries.blue))
    columns = _transposed(points)
    white = _xyz_of(primaries.white)
    to_xyz = _scaled_columns(columns, _applied(_inverse(columns), white))
    target_white, source_white = _applied(_BRADFORD, _D50_XYZ), _applied(_BRADFORD, white)
    gains = (
        target_white[0] / source_white[0],
        target_white[1] / source_white[1],
        target_white[2] / source_white[2],
    )
    back = _scaled_columns(_inverse(_BRADFORD), gains)
    return _product(back, _product(_BRADFORD, to_xyz))


def _xyz_of(point: tuple[float, float]) -> Vector:
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    return [[value / determinant for value in row] for row in cofactors]


def _applied(matrix: Matrix, vector: Sequence[float]) -> Vector:
    x, y, z = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return x, y, z


def _product(left: Matrix, right: Matrix) -> Matrix:
    return _transposed(_applied(left, column) for column in _transposed(right))


def _scaled_columns(matrix: Matrix, factors: Sequence[float]) -> Matrix:
    """Return a matrix with each column multiplied by its factor."""
    return [[a * b for a, b in zip(row, factors, strict=True)] for row in matrix]


def _transposed(rows: Iterable[Sequence[float]]) -> Matrix:
    return list(zip(*rows, strict=True))


def _xyz(vector: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in vector))


def _curve(curve: Curve) -> bytes:
    last = CURVE_POINTS - 1
    points = [round(curve(index / last) * 65535) for index in range(CURVE_POINTS)]
    return struct.pack(f">4s4xI{CURVE_POINTS}H", b"curv", CURVE_POINTS, *points)


def _description(text: bytes) -> bytes:
    """Return a `desc` tag: ASCII only, with the required empty Unicode and Macintosh parts."""
    return struct.pack(">4s4xI", b"desc", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67)
