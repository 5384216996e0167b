# SPDX-License-Identifier: Apache-2.0
"""A pendulum and its trained policy, with faults on its messages, in the place of a robot."""

import functools
from pathlib import Path

from nodes.harness import policy_parameters
from nodes.stepper_bench import flat
from sim.train_gymnasium import RUNS
import yaml

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.tools.explain.simulated_robot import SimulatedRobot, Wire

JOINTS = {'source': 'joints', 'joints': ['slider', 'hinge']}


def parameters(seed, rows):
    """Return the tree of parameters of both nodes."""
    run = RUNS / 'pendulum'
    return {
        'policy': policy_parameters(run),
        'enable': 'none',
        'control_rate': 25.0,
        'robots': [f'pole_{row}' for row in range(rows)],
        'sources': {'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'}},
        'inputs': {'obs': ['joint_pos', 'joint_vel']},
        'terms': {'joint_pos': {**JOINTS, 'field': 'position'}, 'joint_vel': {**JOINTS, 'field': 'velocity'}},
        'actions': {
            'terms': ['force'],
            'force': {
                'kind': 'raw',
                'size': 1,
                'topic': 'force',
                'type': 'std_msgs/msg/Float32MultiArray',
                'fallback_value': [0.0],
            },
        },
        'sim': {
            'environment': 'gymnasium',
            'id': 'InvertedPendulum-v5',
            'seed': seed,
            'options': ['reset_noise_scale=0.4', 'max_episode_steps=100'],
        },
    }


def played(seed, wire=None, rows=6, steps=250):
    """Return the recording of some pendulums."""
    return SimulatedRobot(configuration(flat(parameters(seed, rows))), wire).play(steps)


def write_file(folder: Path, seed=1, rows=1, **changes):
    """Return a parameter file. changes: parameter → value."""
    path = folder / 'pendulum.yaml'
    # ROS reads no aliases
    dumper = yaml.SafeDumper
    dumper.ignore_aliases = lambda *_: True
    tree = parameters(seed, rows)
    for name, value in changes.items():
        *parents, leaf = name.split('.')
        functools.reduce(dict.__getitem__, parents, tree)[leaf] = value
    path.write_text(yaml.dump({'/**': {'ros__parameters': tree}}, Dumper=dumper))
    return path


class Changed(Wire):
    """A wire that changes a field of the joints: change(value (rows, 2)) → value."""

    def __init__(self, field, change):
        self._field, self._change = field, change

    def measured(self, step, values, begins):
        joints = dict(values['joints'])
        joints[self._field] = self._change(joints[self._field])
        return {'joints': joints}


class Forgetful(Wire):
    """A wire that loses every second reset."""

    def begins(self, step, begins):
        return begins & (step % 2 == 0)


class Slow(Wire):
    """A policy that steps in every second period."""

    def due(self, step):
        return step % 2 == 0


class Weak(Wire):
    """A motor that does a part of what it is told."""

    def commanded(self, step, values):
        return {name: {field: 0.3 * value for field, value in part.items()} for name, part in values.items()}
