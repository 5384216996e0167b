# SPDX-License-Identifier: Apache-2.0
"""The import rule of the house: `nodes` and `tools` put together what never imports one another."""

from pathlib import Path
import re
import sys

from imports import imports, python_files, ROOT
import pytest

PACKAGE = 'rl_policy_node'
LAYERS = {'policy', 'control', 'adapters', 'sim'}

# Part -> the parts it may import besides itself. '' are the modules at the top of the package.
HOUSE = {
    '': set(),
    **{layer: {''} for layer in LAYERS},
    'mismatch': {''},
    'core': {'', 'control'},
    'nodes': {'', *LAYERS, 'core'},
    'tools': {'', *LAYERS, 'core', 'nodes', 'mismatch'},
}

# Parts that import numpy and the standard library, and nothing else from elsewhere.
PLAIN = {'', 'mismatch'}

# What comes from elsewhere (a pattern of its name) -> the parts that may import it.
ELSEWHERE = {
    'rclpy': {'nodes'},
    r'\w+_msgs|\w+_srvs|\w+_interfaces': {'adapters', 'nodes'},
    'rl_games': {'policy', 'tools'},
    'torch': {'policy', 'sim', 'tools'},
    'onnx|onnxruntime': {'policy'},
    'mujoco|isaacgym|isaacgymenvs': {'sim'},
}


def violations(root: Path) -> list[str]:
    """Return one line for each import in the package below `root` that breaks the rule."""
    found = []
    for file in python_files(root / PACKAGE):
        for line, module in imports(file, root):
            reason = _broken(_part(file.relative_to(root / PACKAGE).parts), module.split('.'))
            if reason:
                found.append(f'{file.relative_to(root)}:{line}: {module}: {reason}')
    return found


def _part(below_package) -> str:
    """Return the part that the path or module `below_package` belongs to."""
    return below_package[0] if below_package and below_package[0] in HOUSE else ''


def _broken(part: str, module: list[str]) -> str | None:
    """Return what the rule says against importing `module` in `part`, None where it agrees."""
    if module[0] == PACKAGE:
        imported = _part(module[1:])
        if part == '' and len(module) > 1:
            return 'a module at the top of the package imports no other'
        if imported not in HOUSE[part] | {part}:
            return f'{part} may import {sorted(filter(None, HOUSE[part]))}, not {imported}'
        return None
    if part in PLAIN and module[0] != 'numpy' and module[0] not in sys.stdlib_module_names:
        return 'a module at the top of the package, or of mismatch, imports numpy and the standard library only'
    for pattern, parts in ELSEWHERE.items():
        if re.fullmatch(pattern, module[0]) and part not in parts:
            return f'only {sorted(parts)} may import it'
    return None


def test_package_keeps_the_rule():
    assert violations(ROOT) == []


def test_every_folder_is_a_part():
    folders = {file.relative_to(ROOT / PACKAGE).parts[0] for file in python_files(ROOT / PACKAGE)}
    assert {folder for folder in folders if not folder.endswith('.py')} == set(filter(None, HOUSE))


@pytest.mark.parametrize(
    'file, source',
    [
        ('control/new.py', 'import rl_policy_node.policy'),
        ('policy/new.py', 'from rl_policy_node import sim'),
        ('sim/deep/new.py', 'from ...adapters import images'),
        ('adapters/new.py', 'from .. import control'),
        ('control/new.py', 'from rl_policy_node.nodes.sources import Source'),
        ('control/new.py', 'from rl_policy_node import core'),
        ('core/new.py', 'from rl_policy_node.adapters import create_adapter'),
        ('core/new.py', 'from rl_policy_node.policy import Policy'),
        ('core/new.py', 'from ..nodes import source'),
        ('core/new.py', 'import rclpy'),
        ('core/new.py', 'from std_msgs.msg import Header'),
        ('core/new.py', 'import torch'),
        ('nodes/new.py', 'from ..tools import demo'),
        ('sim/new.py', 'import rl_policy_node.tools.main as main'),
        ('control/new.py', 'import rclpy'),
        ('adapters/new.py', 'from rclpy.time import Time'),
        ('tools/new.py', 'def later():\n    import rclpy.node'),
        ('tools/new.py', 'import importlib\nimportlib.import_module("rclpy.node")'),
        ('control/new.py', 'from sensor_msgs.msg import JointState'),
        ('policy/new.py', 'from std_srvs.srv import Trigger'),
        ('tools/new.py', 'from builtin_interfaces.msg import Time'),
        ('nodes/new.py', 'from rl_games.torch_runner import Runner'),
        ('sim/new.py', 'import rl_games'),
        ('nodes/new.py', 'import torch'),
        ('control/new.py', 'import torch.nn'),
        ('adapters/new.py', 'from torch import Tensor'),
        ('tools/new.py', 'import onnxruntime'),
        ('tools/new.py', 'import mujoco'),
        ('nodes/new.py', 'import isaacgym'),
        ('tools/new.py', 'from isaacgymenvs.utils.utils import set_seed'),
        ('mismatch/new.py', 'import rl_policy_node.control'),
        ('mismatch/new.py', 'from rl_policy_node.tools import main'),
        ('mismatch/new.py', 'import torch'),
        ('mismatch/new.py', 'import scipy.optimize'),
        ('control/new.py', 'from rl_policy_node.mismatch import compare'),
        ('nodes/new.py', 'from ..mismatch import compare'),
        ('geometry.py', 'import yaml'),
        ('geometry.py', 'from rl_policy_node import errors'),
        ('geometry.py', 'from .control import limits'),
    ],
)
def test_planted_violation_is_noticed(tmp_path, file, source):
    _plant(tmp_path, file, source)
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f'{PACKAGE}/{file}:{len(source.splitlines())}: ')


@pytest.mark.parametrize(
    'file, source',
    [
        ('control/new.py', 'from rl_policy_node.control.specs import Term'),
        ('control/new.py', 'from .. import geometry\nimport numpy as np\nfrom . import specs'),
        ('policy/new.py', 'import rl_games, torch'),
        ('sim/deep/new.py', 'import mujoco, torch, gymnasium\nfrom ...geometry import multiply'),
        ('adapters/new.py', 'from sensor_msgs.msg import Image'),
        ('core/new.py', 'import numpy\nfrom rl_policy_node.control import specs\nfrom ..errors import unknown'),
        ('nodes/new.py', 'from ..core import assemble'),
        ('nodes/new.py', 'import rclpy, std_msgs.msg\nfrom ..policy import player\nfrom ..sim import insertion'),
        ('tools/new.py', 'import rl_games, torch\nfrom ..nodes import parameters\nfrom .. import sim'),
        ('mismatch/new.py', 'import math\nimport numpy as np\nfrom .. import geometry, errors'),
        ('tools/new.py', 'from ..mismatch import compare'),
        ('geometry.py', 'import math\nimport numpy as np'),
    ],
)
def test_what_the_rule_allows_passes(tmp_path, file, source):
    _plant(tmp_path, file, source)
    assert violations(tmp_path) == []


def _plant(root: Path, file: str, source: str):
    path = root / PACKAGE / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
