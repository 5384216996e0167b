# SPDX-License-Identifier: Apache-2.0
"""A small run of each example's family: its sizes, its kind of network, hardly any units."""

import copy

from tools.runs import PARAMS, TACSL, TACSL_NETWORK, write_run

LSTM = {'name': 'lstm', 'units': 8, 'layers': 1, 'before_mlp': True, 'concat_input': True, 'layer_norm': False}
STATE = {'ee_pos': [3], 'ee_quat': [4], 'socket_pos': [3], 'socket_quat': [4], 'dof_pos': [9]}
TOUCH = {'left_tactile_camera_taxim': [80, 60, 3], 'right_tactile_camera_taxim': [80, 60, 3]}


def _gym(name, observation, action, env=(), **more):
    return {'task': {'name': name, 'env': {'numObservations': observation, 'numActions': action, **dict(env)}, **more}}


def _tacsl(dims):
    task = copy.deepcopy(TACSL)
    task['env'] |= {'obsDims': dims, 'num_additional_control_steps': 0}
    images = TACSL_NETWORK['input_preprocessors']['left_tactile_camera_taxim']
    network = {
        **TACSL_NETWORK,
        'rnn': LSTM,
        'input_preprocessors': {key: images if key in TOUCH else {} for key in dims},
    }
    return {'task': task, 'network': network}


_HAND = {'clipActions': 1.0, 'controlFrequencyInv': 2}
_DEXTREME = {
    key: {}
    for key in (
        'dof_pos_randomized',
        'object_pose_cam_randomized',
        'goal_pose_randomized',
        'goal_relative_rot_cam_randomized',
        'last_actions_randomized',
    )
}

# Name of the example → what `write_run` is given; insertion.yaml ships its own run.
FAMILIES = {
    'franka_tacsl': _tacsl(STATE),
    'franka_tacsl_tactile': _tacsl({**STATE, **TOUCH}),
    'anymal': _gym('AnymalTerrain', 188, 12, {'control': {'decimation': 4}}, sim={'dt': 0.005}),
    'allegro_hand': _gym(
        'AllegroHand', 50, 16, {**_HAND, 'clipObservations': 5.0, 'observationType': 'full_no_vel'}, sim={'dt': 0.01667}
    ),
    'allegro_dextreme': {
        **_gym('AllegroHandManualDR', 50, 16, _HAND, sim={'dt': 0.01667}),
        'network': {**PARAMS['network'], 'inputs': _DEXTREME, 'rnn': LSTM},
    },
    'quadcopter': _gym('Quadcopter', 21, 12, {'clipObservations': 5.0, 'clipActions': 1.0}, sim={'dt': 0.01}),
    'two_arms': {
        'root': {
            'params': {
                **PARAMS,
                'env': {'clip_observations': 100.0, 'clip_actions': 100.0},
                'config': {**PARAMS['config'], 'clip_actions': False},
            }
        },
        'spaces': {'observation': [32], 'action': 7},
    },
}


def run_of(name, folder):
    """Write the small run of an example; return the train config and the checkpoint, or () for what is shipped."""
    if name not in FAMILIES:
        return ()
    write_run(folder, **FAMILIES[name])
    return folder / 'config.yaml', folder / 'nn' / 'Run.pth'
