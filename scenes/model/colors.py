"""Color as people compare it: sRGB to CIELAB (D65) and the CIEDE2000 difference."""

import numpy as np

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_TURN = 2 * np.pi
_ROUNDING = 1e-9  # of angles: opposite hues are not to be told apart by it
_WHITE = _TO_XYZ.sum(axis=1)  # D65: the XYZ of sRGB white


def linear_from_srgb(srgb: np.ndarray) -> np.ndarray:
    """Light intensity `[...]` from sRGB values `[...]` of any shape, both in 0..1 (IEC 61966-2-1)."""
    srgb = np.asarray(srgb, dtype=np.float64)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(linear: np.ndarray) -> np.ndarray:
    """sRGB values `[...]` in 0..1 from light intensity `[...]` of any shape, clipped to 0..1 (IEC 61966-2-1)."""
    linear = np.clip(np.asarray(linear, dtype=np.float64), 0.0, 1.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def lab_from_srgb(srgb: np.ndarray) -> np.ndarray:
    """CIELAB coordinates `[..., 3]` of sRGB values `[..., 3]` in 0..1."""
    xyz = linear_from_srgb(srgb) @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def srgb_from_lab(lab: np.ndarray) -> np.ndarray:
    """sRGB values `[..., 3]` of CIELAB coordinates `[..., 3]`; outside the gamut they leave 0..1."""
    lab = np.asarray(lab, dtype=np.float64)
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = xyz @ np.linalg.inv(_TO_XYZ).T
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055)


def ciede2000(lab1: np.ndarray, lab2: np.ndarray, lightness_weight: float = 1.0) -> np.ndarray:
    """CIEDE2000 difference `[...]`, from 0, of two arrays of CIELAB colors `[..., 3]`, broadcast against each other.

    `lightness_weight` is k_L: 2 makes lightness count half, as one does where shading changes it.
    Source: Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula", 2005, equations 2 to 22.
    """
    l1, a1, b1 = np.moveaxis(np.asarray(lab1, dtype=np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(lab2, dtype=np.float64), -1, 0)
    g = 1.5 - 0.5 * _saturation((np.sqrt(a1 * a1 + b1 * b1) + np.sqrt(a2 * a2 + b2 * b2)) / 2)
    c1, c2 = np.sqrt((g * a1) ** 2 + b1 * b1), np.sqrt((g * a2) ** 2 + b2 * b2)
    h1, h2 = _full_turn(np.arctan2(b1, g * a1)), _full_turn(np.arctan2(b2, g * a2))
    gray = c1 * c2 == 0  # a gray has no hue: hue differences with it count as none
    turn = h2 - h1  # opposite hues, half a turn apart either way, must keep their sign: their mean depends on it
    dh = np.where(gray, 0.0, np.where(np.abs(turn) > np.pi + _ROUNDING, turn - np.copysign(_TURN, turn), turn))
    mean_h = np.where(gray, h1 + h2, _full_turn(h1 + dh / 2))
    dl, dc = l2 - l1, c2 - c1
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(dh / 2)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(mean_h - np.radians(30))
        + 0.24 * np.cos(2 * mean_h)
        + 0.32 * np.cos(3 * mean_h + np.radians(6))
        - 0.20 * np.cos(4 * mean_h - np.radians(63))
    )
    s_l = lightness_weight * (1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2))
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    rotation = -np.sin(np.radians(60) * np.exp(-(((mean_h - np.radians(275)) / np.radians(25)) ** 2)))
    rotation = rotation * 2 * _saturation(mean_c)
    x, y, z = dl / s_l, dc / s_c, d_hue / s_h
    return np.sqrt(np.maximum(x**2 + y**2 + z**2 + rotation * y * z, 0.0))


def _full_turn(angle: np.ndarray) -> np.ndarray:
    """The angle in 0 .. 2 pi; a third of the time that `%` takes."""
    return angle - _TURN * np.floor(angle / _TURN)


def _saturation(chroma: np.ndarray) -> np.ndarray:
    """sqrt(c^7 / (c^7 + 25^7)), multiplied out: a general power costs thirty times as much."""
    cubed = chroma * chroma * chroma
    seventh = cubed * cubed * chroma
    return np.sqrt(seventh / (seventh + 25.0**7))
