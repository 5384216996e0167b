# SPDX-License-Identifier: Apache-2.0
"""What would undo a fault of a robot's numbers: one class for each kind of fault, which proposes corrections."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
import itertools
from typing import ClassVar

import numpy as np

from rl_policy_node import geometry
from rl_policy_node.mismatch.series import Floats, Mask
from rl_policy_node.mismatch.unpaired.physics import Physics
from rl_policy_node.mismatch.unpaired.view import in_hemisphere, Part, View
