# SPDX-License-Identifier: Apache-2.0
"""Recordings of a policy node: what it saw, decided and sent."""

from rl_policy_node.mismatch.recording.robot_recording import Recording, Refused, TermTrack

__all__ = ['Recording', 'Refused', 'TermTrack']
