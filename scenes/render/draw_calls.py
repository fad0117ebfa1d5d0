"""What the OpenGL renderer hands to its drawing passes: a `DrawCall` for each mesh; and the clipping planes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NEAR, FAR = 0.5, 80.0  # planes between which a camera sees, scene units

Uniforms = Mapping[str, Any]  # of a shader, by name: ints, floats, vectors [3], matrices [4, 4]


@dataclass(frozen=True)
class ShaderVariant:
    """The constants that a shader program is compiled for."""

    code: int  # of the object's pattern (0..) or, from 10, of the surface
    finish: int = 0  # 0 matte, 1 metal, 2 glossy
    photo: bool = False
    look: int = 1  # a row of MATERIAL_LOOKS


@dataclass(frozen=True)
class DrawCall:
    """One mesh to draw: where it is, and with which shader variant and values."""

    primitive: Any  # the uploaded mesh: pyrender's Primitive
    pose: np.ndarray  # [4, 4] object to world
    variant: ShaderVariant
    uniforms: Uniforms
