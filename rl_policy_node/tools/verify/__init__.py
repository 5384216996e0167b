# SPDX-License-Identifier: Apache-2.0
"""Compares what a parameter file makes of a robot's messages with what the simulator itself gives the policy."""
