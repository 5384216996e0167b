# SPDX-License-Identifier: Apache-2.0
"""What would undo a fault of a robot's numbers: one class for each kind of fault, which proposes corrections."""

from __future__ import annotations
