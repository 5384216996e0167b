# SPDX-License-Identifier: Apache-2.0
"""The published set beside this checkout: rl_games' own player of an entry, and the goldens that it gave once."""

import functools
from pathlib import Path

import gymnasium
import numpy as np
from policy import golden_rule
from policy.originals import original_player
import yaml

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance'
# What another machine's arithmetic may differ by.
TOLERANCE = 1e-6


def entries():
    """Return the entries of the set; none where it is not there."""
    return yaml.safe_load((SET / 'entries.yaml').read_text()) if SET.is_dir() else []


def golden(entry):
    """Return the actions (steps, rows, actions) that the original gave for an entry."""
    return np.load(SET / 'golden.npz')[entry['id']]


def box(size, bound):
    return gymnasium.spaces.Box(-bound, bound, (size,), np.float32)


def original(entry, rows):
    """Return rl_games' own player of an entry, with the weights of the rule, for so many rows."""
    low, high = entry['action_space_low_high']
    spaces = {
        'observation_space': box(entry['obs'][0], np.inf),
        'action_space': gymnasium.spaces.Box(low, high, (entry['actions'][0],), np.float32),
    }
    player = original_player(SET / entry['resolved'], spaces, 1)
    golden_rule.fill(player.model)
    player.batch_size = rows
    player.reset()
    return player


def answers_of(player, entry):
    """Return what a player answers to the observations of the rule, (steps, rows, actions)."""
    return np.stack(
        [
            player.get_action(golden_rule.observations({'obs': entry['obs']}, step)['obs'], is_deterministic=True)
            .detach()
            .numpy()
            for step in range(golden_rule.STEPS)
        ]
    )


@functools.cache
def rounds_alike():
    """Whether this processor rounds as the one of the goldens did: rl_games' own player gives the same bits."""
    entry = next(each for each in entries() if each['id'] == 'isaacgymenvs/train/AntPPO.yaml')
    return np.array_equal(answers_of(original(entry, golden_rule.ROWS), entry), golden(entry))


def assert_golden(found, entry):
    """Compare actions with the goldens of an entry: to the last bit, where this processor rounds as theirs did."""
    np.testing.assert_allclose(found, golden(entry), rtol=0, atol=TOLERANCE)
    if rounds_alike():
        np.testing.assert_array_equal(found, golden(entry))
