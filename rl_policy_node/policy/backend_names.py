# SPDX-License-Identifier: Apache-2.0
"""Backends by name; what they need is imported when one is made."""

from typing import Final

# name → the module of `backends` whose makers(setup) yields functions that make it, the cheaper way first
MAKING: Final = {'onnx': 'onnx_making', 'cuda_graph': 'cuda_graph_making'}
BACKENDS: Final = ('auto', 'eager', *MAKING)
