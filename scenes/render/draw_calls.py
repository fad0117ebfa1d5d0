"""What is drawn with OpenGL: a mesh in its place, the shader variant that shades it, and that shader's uniforms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NEAR, FAR = 0.5, 80.0  # what a camera sees, scene units

Uniforms = Mapping[str, Any]  # of a shader: ints, floats, vectors [3], matrices [4, 4]


@dataclass(frozen=True)
class ShaderVariant:
    """What a program is compiled for."""

    code: int  # of the object's pattern (0..) or, from 10, of the surface
    finish: int = 0  # 0 matte, 1 metal, 2 glossy
    photo: bool = False


@dataclass(frozen=True)
class DrawCall:
    """A mesh in its place."""

    primitive: Any  # on the graphics side
    pose: np.ndarray  # [4, 4] object to world
    variant: ShaderVariant
    uniforms: Uniforms
