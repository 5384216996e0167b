# SPDX-License-Identifier: Apache-2.0
"""Whether an arm moves, or is held."""


def acted(arm, count=3):
    """Wait for some commands of the policy, that is, others than where the arm is."""

    def moved():
        return sum(command != arm.position for command in arm.commands) >= count

    assert arm.live_until(moved, 40), 'the node never acted'


def held(arm, timeout=10):
    """Whether the last commands come to hold the arm where it is."""
    return arm.live_until(lambda: len(arm.commands) > 3 and arm.commands[-3:] == [arm.position] * 3, timeout)
