# SPDX-License-Identifier: Apache-2.0
"""Small real runs, written to a folder as training would have left them."""

import numpy as np
import torch
import yaml

from rl_policy_node.policy import Policy, Spaces

DEFAULT = {'name': 'default'}
CONTINUOUS = {
    'mu_activation': 'None',
    'sigma_activation': 'None',
    'mu_init': DEFAULT,
    'sigma_init': {'name': 'const_initializer', 'val': -1},
    'fixed_sigma': True,
}
LSTM = {'name': 'lstm', 'units': 6, 'layers': 2, 'before_mlp': True}
LEGS = [f'{leg}_{joint}' for leg in ('LF', 'LH', 'RF', 'RH') for joint in ('HAA', 'HFE', 'KFE')]
SAC = {
    'algo': {'name': 'sac'},
    'model': {'name': 'soft_actor_critic'},
    'network': {'name': 'soft_actor_critic', 'log_std_bounds': [-5, 2]},
}
DISCRETE = {'algo': {'name': 'a2c_discrete'}, 'model': {'name': 'discrete_a2c'}, 'network': {'space': {'discrete': {}}}}


def params(algo=None, model=None, network=None, config=None, **more):
    """Return rl_games' params of a tiny PPO run, with changes."""
    return {
        'seed': 5,
        'algo': algo or {'name': 'a2c_continuous'},
        'model': model or {'name': 'continuous_a2c_logstd'},
        'network': {
            'name': 'actor_critic',
            'space': {'continuous': CONTINUOUS},
            'mlp': {'units': [8, 4], 'activation': 'elu', 'initializer': DEFAULT},
            **(network or {}),
        },
        'config': {'name': 'Mine', 'normalize_input': True, **(config or {})},
        **more,
    }


def write(path, tree):
    """Write a YAML file, its folders included; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return path


def save(path, train_config, spaces=None, change=lambda model: None, **content):
    """Save a checkpoint as rl_games does, of initial weights that `change` may alter; return its path."""
    model = Policy.load(train_config, spaces=spaces, device='cpu').player.model.state_dict()
    change(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(
        {
            'model': model,
            'epoch': 7,
            'frame': 7000,
            'last_mean_rewards': np.float32(1.5),
            'optimizer': {'state': {0: 1}},
            **content,
        },
        path,
    )
    return path


def save_sac(path, train_config, spaces):
    """Save a checkpoint of SAC, which keeps its parts apart."""
    model = Policy.load(train_config, spaces=spaces, device='cpu').player.model.state_dict()
    parts = {
        part: {name.removeprefix(prefix): tensor for name, tensor in model.items() if name.startswith(prefix)}
        for part in ('actor', 'critic', 'critic_target')
        for prefix in [f'sac_network.{part}.']
    }
    statistics = {
        name.removeprefix('running_mean_std.'): tensor
        for name, tensor in model.items()
        if name.startswith('running_mean_std.')
    }
    torch.save({**parts, 'running_mean_std': statistics, 'epoch': 3, 'frame': 300}, path)
    return path


def flat_run(folder, **changes):
    """Write train.yaml and Mine.pth of a policy with five observations and three actions; return the folder."""
    file = write(folder / 'train.yaml', {'params': params(**changes)})
    save(folder / 'Mine.pth', file, Spaces((5,), 3))
    return folder


def anymal_run(folder, change=lambda model: None, **control):
    """Write a run of IsaacGymEnvs' ANYmal: config.yaml with its task half, nn/Anymal.pth."""
    task = {
        'name': 'Anymal',
        'sim': {'dt': 0.02},
        'env': {
            'clipObservations': 5.0,
            'clipActions': 1.0,
            'controlFrequencyInv': 1,
            'numActions': 12,
            'randomCommandVelocityRanges': {'linear_x': [-2.0, 2.0], 'linear_y': [-1.0, 1.0], 'yaw': [-1.0, 1.0]},
            'defaultJointAngles': {joint: index / 10 for index, joint in enumerate(LEGS)},
            'control': {'stiffness': 85.0, 'damping': 2.0, 'actionScale': 0.5, **control},
            'learn': {
                'linearVelocityScale': 2.0,
                'angularVelocityScale': 0.25,
                'dofPositionScale': 1.0,
                'dofVelocityScale': 0.05,
            },
        },
    }
    config = params(config={'name': 'Anymal', 'normalize_value': True})
    write(folder / 'config.yaml', {'task': task, 'train': {'params': config}})
    save(folder / 'nn' / 'Anymal.pth', folder / 'config.yaml', Spaces((48,), 12), change)
    return folder


LAB = """
decimation: 4
sim: {dt: 0.005, gravity: !!python/tuple [0.0, 0.0, -9.81]}
scene: {robot: {init_state: {joint_pos: {.*: 0.2}}}}
observations:
  policy:
    concatenate_terms: true
    enable_corruption: true
    base_ang_vel: {func: isaaclab.envs.mdp.observations:base_ang_vel, params: {}, scale: 0.25}
    joint_pos: {func: isaaclab.envs.mdp.observations:joint_pos_rel, params: {}}
    actions: {func: isaaclab.envs.mdp.observations:last_action, params: {}}
actions:
  joint_pos:
    class_type: isaaclab.envs.mdp.actions.joint_actions:JointPositionAction
    asset_name: robot
    joint_names: [.*]
    scale: 0.5
    use_default_offset: true
"""


def lab_run(folder, env=None, clip_actions=False):
    """Write a run of Isaac Lab, of a robot of four joints: params/agent.yaml, params/env.yaml, nn/Mine.pth."""
    agent = params(config={'clip_actions': clip_actions}, env={'clip_observations': 100.0} if env is None else env)
    file = write(folder / 'params' / 'agent.yaml', {'params': agent})
    (folder / 'params' / 'env.yaml').write_text(LAB)
    save(folder / 'nn' / 'Mine.pth', file, Spaces((11,), 4, -1, 1))
    return folder
