# SPDX-License-Identifier: Apache-2.0
"""Small runs as training leaves them: a configuration, and a checkpoint that fits it."""

import re

from policy import golden_rule
import torch
import yaml

from rl_policy_node.nodes.parameters.joint_lists import written_out
from rl_policy_node.nodes.parameters.parameter_files import content
from rl_policy_node.policy import Policy

PARAMS = {
    'seed': 42,
    'algo': {'name': 'a2c_continuous'},
    'model': {'name': 'continuous_a2c_logstd'},
    'network': {
        'name': 'actor_critic',
        'separate': False,
        'mlp': {'units': [8], 'activation': 'elu', 'initializer': {'name': 'default'}, 'regularizer': {'name': None}},
        'space': {
            'continuous': {
                'mu_activation': None,
                'sigma_activation': None,
                'mu_init': {'name': 'default'},
                'sigma_init': {'name': 'const_initializer', 'val': 0},
                'fixed_sigma': True,
            }
        },
    },
    'config': {'name': 'Run', 'normalize_input': True, 'normalize_value': True},
}

# what a user fills in for a robot's limits
LIMITS = {'lower': '-9.0', 'upper': '9.0', 'max_.*': '9.0'}
LEGS = [f'{leg}_{joint}' for leg in ('LF', 'LH', 'RF', 'RH') for joint in ('HAA', 'HFE', 'KFE')]
ANGLES = [0.03, 0.4, -0.8, 0.03, -0.4, 0.8, -0.03, 0.4, -0.8, -0.03, -0.4, 0.8]

ANYMAL = {
    'name': 'Anymal',
    'sim': {'dt': 0.02},
    'env': {
        'clipObservations': 5.0,
        'clipActions': 1.0,
        'numEnvs': '${....num_envs}',
        'control': {'stiffness': 85.0, 'damping': 2.0, 'actionScale': 0.5, 'controlFrequencyInv': 1},
        # neither the order of training nor that of the robot
        'defaultJointAngles': dict(sorted(zip(LEGS, ANGLES), key=lambda item: item[0][3:])),
        'randomCommandVelocityRanges': {'linear_x': [-2.0, 2.0], 'linear_y': [-1.0, 1.0], 'yaw': [-1.0, 1.0]},
        'learn': {
            'linearVelocityScale': 2.0,
            'angularVelocityScale': 0.25,
            'dofPositionScale': 1.0,
            'dofVelocityScale': 0.05,
        },
    },
}

TACSL = {
    'name': 'TacSLTaskInsertion',
    'sim': {'dt': 0.016667},
    'env': {
        'numObservations': 21,
        'numActions': 6,
        'use_dict_obs': True,
        'tactile_subsample_ratio': 4,
        'num_additional_control_steps': 1,
        'num_shear_rows': 20,
        'num_shear_cols': 30,
        'obsDims': {'ee_pos': [3], 'ee_quat': [4], 'left_tactile_camera_taxim': [80, 60, 3]},
    },
    'rl': {
        'pos_action_scale': [0.01, 0.01, 0.01],
        'rot_action_scale': [0.05, 0.05, 0.05],
        'clamp_rot': True,
        'clamp_rot_thresh': 1.0e-6,
    },
    'ctrl': {
        'ctrl_type': 'task_space_impedance',
        'task_space_impedance': {
            'task_prop_gains': [600, 600, 600, 50, 50, 50],
            'task_deriv_gains': [50, 50, 50, 1, 1, 1],
        },
    },
}
TACSL_NETWORK = {
    **PARAMS['network'],
    'name': 'actor_critic_dict',
    'input_preprocessors': {
        'left_tactile_camera_taxim': {
            'cnn': {
                'type': 'conv2d_spatial_softargmax',
                'activation': 'relu',
                'initializer': {'name': 'default'},
                'convs': [{'filters': 2, 'kernel_size': 8, 'strides': 4, 'padding': 0}],
            }
        },
        'ee_pos': {},
        'ee_quat': {},
    },
}


def write_run(folder, task=None, network=None, root=None, **options):
    """Write config.yaml (or the tree `root`) and a checkpoint that fits; return the folder."""
    params = {**PARAMS, 'network': network or PARAMS['network']}
    config = root or {'num_envs': 64, 'task': task, 'train': {'params': params}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'config.yaml').write_text(yaml.safe_dump(config, sort_keys=False))
    policy = Policy.load(folder / 'config.yaml', device='cpu', **options)
    golden_rule.fill(policy.player.model)
    (folder / 'nn').mkdir(exist_ok=True)
    torch.save({'model': policy.player.model.state_dict(), 'epoch': 7, 'frame': 99}, folder / 'nn' / 'Run.pth')
    return folder


def lab_run(folder, environment, observation, action):
    """Write a run of Isaac Lab, env.yaml with this text, and a checkpoint of these sizes; return the folder."""
    (folder / 'params').mkdir()
    (folder / 'params' / 'agent.yaml').write_text(
        yaml.safe_dump(
            {
                'params': {
                    **PARAMS,
                    'env': {'clip_observations': 10.0, 'clip_actions': 100.0},
                    'config': {**PARAMS['config'], 'clip_actions': False},
                }
            }
        )
    )
    (folder / 'params' / 'env.yaml').write_text(environment)
    policy = Policy.load(
        folder / 'params' / 'agent.yaml', device='cpu', spaces={'observation': [observation], 'action': action}
    )
    torch.save({'model': policy.player.model.state_dict()}, folder / 'last_Run_ep_3.pth')
    return folder


def parameters(file):
    """Return the parameters of a file, groups of joints and numbers by joint written out as lists."""
    tree = {}
    for name, value in written_out(dict(content(file))).items():
        *parents, leaf = name.split('.')
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value
    return tree


def fill(file):
    """Fill every blank of a parameter file in, each with another name."""
    numbers = iter(range(1000))
    text = file.read_text().replace("kind: '???'", 'kind: joint_position\n        limits: none')
    for name, number in LIMITS.items():
        text = re.sub(
            rf'^( +{name}: )(.*\?\?\?.*)$',
            lambda found: found[1] + found[2].replace("'???'", number),
            text,
            flags=re.MULTILINE,
        )
    text = text.replace("control_rate: '???'", 'control_rate: 60.0')
    file.write_text(re.sub(r"'\?\?\?'", lambda _: f'name_{next(numbers)}', text))
    return file


def fill_numbers(file):
    """Fill in the blanks of terms and actions that are numbers, which follow from the limits of a robot's joints."""
    lists = r'\b(offset|scale|values|fallback_value): \[[^]]*\]'
    file.write_text(re.sub(lists, lambda found: found[0].replace("'???'", '0.5'), file.read_text()))
    return file
