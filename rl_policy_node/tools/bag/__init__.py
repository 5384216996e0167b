# SPDX-License-Identifier: Apache-2.0
"""Reads bags: those of the policy node, event by event, and those of `ros2 bag record`."""
