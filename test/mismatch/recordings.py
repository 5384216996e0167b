# SPDX-License-Identifier: Apache-2.0
"""Small recordings of a made-up robot."""

import numpy as np

from rl_policy_node.mismatch.recording import Recording, Refused, TermTrack


def small(steps=5, rows=2, seed=0):
    """Return a recording of two terms in one input, one command and one source."""
    random = np.random.default_rng(seed)

    def numbers(size):
        return random.normal(size=(steps, rows, size)).astype(np.float32)

    return Recording(
        time=np.arange(steps) / 50.0,
        rate=50.0,
        inputs={'obs': numbers(5)},
        terms={
            'gravity': TermTrack(input='obs', start=0, size=3, labels=('x', 'y', 'z'), spec={'source': 'imu'}),
            'joint_pos': TermTrack(input='obs', start=3, size=2, labels=('hip', 'knee'), scale=(2.0,)),
        },
        actions=numbers(2),
        acted=np.ones((steps, rows), dtype=bool),
        reset=np.zeros((steps, rows), dtype=bool),
        commands={'legs': {'position': numbers(2)}},
        measured={'joints': {'position': numbers(2), 'velocity': numbers(2)}},
        received={'joints': np.sort(random.uniform(0, 1, (7, rows)), axis=0)},
        reasons=(Refused(2, 1, 'joints: too old'),),
        moments={'obs': np.ones((2, 5))},
        about={'checkpoint': 'policy.pth'},
    )
