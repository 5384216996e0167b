# SPDX-License-Identifier: Apache-2.0
"""The set of real train configurations, with shapes and observations."""

from pathlib import Path

import numpy as np
from policy import golden_rule
from policy.golden_set import entries, SET
import pytest

from rl_policy_node.policy import Policy, Spaces

HERE = Path(__file__).resolve().parent
GOLDENS = np.load(HERE / 'goldens.npz')
POSES = {'ee_pos': 3, 'ee_quat': 4, 'socket_pos': 3, 'socket_quat': 4, 'dof_pos': 9}
SHAPES = {
    'ant': 60,
    'ant_sac': 60,
    'anymal_lstm': 188,
    'humanoid_amp': 105,
    'tacsl_state': {
        **POSES,
        'plug_pos': 3,
        'plug_quat': 4,
        'plug_socket_force': 3,
        'plug_left_elastomer_force': 3,
        'plug_right_elastomer_force': 3,
    },
    'tacsl_tactile': {**POSES, 'left_tactile_camera_taxim': (80, 60, 3), 'right_tactile_camera_taxim': (80, 60, 3)},
}
needs_set = pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')


def load(train_config, shapes, actions, **options):
    """Return a policy with the weights of the rule."""
    policy = Policy.load(
        train_config,
        device='cpu',
        backend='eager',
        **{'spaces': Spaces(shapes, actions), 'rows': golden_rule.ROWS, **options},
    )
    golden_rule.fill(policy.player.model)
    return policy


def answers(train_config, shapes, actions, **options):
    """Return the actions (steps, rows, actions) of a policy under the rule."""
    policy = load(train_config, shapes, actions, **options)
    return np.stack([policy.act(observed(policy.spaces, step)) for step in range(golden_rule.STEPS)])


def observed(spaces, step):
    """Return the observations of the rule, in the form that the policy takes."""
    inputs = golden_rule.observations(spaces.inputs, step)
    return inputs if spaces.is_dict else inputs['obs']


def built(*networks):
    """Return the entries that rl_games, or the original network, could be built for."""
    return [
        pytest.param(entry, id=entry['id'])
        for entry in entries()
        if entry['reference']['builds'] and (not networks or entry['network'] in networks)
    ]


def overrides(entry):
    """Return what Hydra's command line said when the entry was resolved."""
    task = [f'task={entry["resolve"]["task"]}'] if entry['resolve']['mode'] == 'hydra' else []
    return [*task, *entry['resolve'].get('overrides', [])]
