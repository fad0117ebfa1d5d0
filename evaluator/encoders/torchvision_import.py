"""Import torchvision even where its compiled operators do not fit the installed torch.

torchvision's wheel on the Python package index is built against CUDA libraries. Beside a CPU-only torch its
operators fail to load, and `import torchvision` ends with "operator torchvision::nms does not exist", although all
that open_clip, timm and transformers want from it are image transforms. Declaring the missing operators lets the
import through; calling one of them still fails, and says so. Where torchvision is healthy nothing is declared.
"""

import re
import sys

import torch

# torch drops an operator when its library object is collected, so the declarations must stay alive.
_declared: dict[str, torch.library.Library] = {}

_MISSING = re.compile(r"operator torchvision::(q?nms) does not exist")
_SCHEMA = "{}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_torchvision() -> None:
    """Import torchvision, to be called before open_clip, timm or transformers are imported.

    Declares each operator that the import itself reports missing and tries again: declaring them beforehand would
    abort the process where torchvision brings its own. Any other failure is raised as it is.
    """
    while True:
        try:
            import torchvision  # noqa: F401
        except RuntimeError as error:
            missing = _MISSING.search(str(error))
            if missing is None or missing[1] in _declared:
                raise
            _declare(missing[1])
        else:
            return


def _declare(operator: str) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[module]  # half imported
    _declared[operator] = torch.library.Library("torchvision", "FRAGMENT")
    _declared[operator].define(_SCHEMA.format(operator))
