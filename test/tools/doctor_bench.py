# SPDX-License-Identifier: Apache-2.0
"""The robot of `doctor_robot`, a policy that holds it where it is, and the doctor's visit."""

import contextlib
import copy
import json
from pathlib import Path
import subprocess
import sys

from nodes.harness import policy_parameters, tiny_run
from nodes.stepper_bench import flat
import numpy as np
from tools import doctor_robot
from tools.doctor_robot import JOINTS, REST
import torch
import yaml

from rl_policy_node.nodes.doctor.heard import Heard
from rl_policy_node.nodes.doctor.traffic import Traffic
from rl_policy_node.nodes.doctor.watched import Watched, Wish
from rl_policy_node.nodes.parameters import parsing
from rl_policy_node.nodes.policy.loading import completed
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.tools.main import main

RATE = 50.0
# position, velocity, angular velocity, gravity: as training saw them
MEAN = [0.0] * 3 + [0.0] * 3 + [0.0] * 3 + [0.0, 0.0, -1.0]
STD = [0.2] * 3 + [0.5] * 3 + [0.3] * 3 + [0.1, 0.1, 0.05]


def resting_run(folder, pull=0.0):
    """Write a run whose policy holds the robot at rest, or pulls its joints by `pull`, rad."""
    tiny_run(folder, observations=12)
    content = torch.load(folder / 'policy.pth', weights_only=True)
    model = content['model']
    model['running_mean_std.running_mean'][:] = torch.tensor(MEAN)
    model['running_mean_std.running_var'][:] = torch.tensor(STD) ** 2
    model['running_mean_std.count'].fill_(1e6)
    for name, value in model.items():
        if name.endswith('mu.weight'):
            value.zero_()
        if name.endswith('mu.bias'):
            value.fill_(pull / 0.5)
    torch.save(content, folder / 'policy.pth')
    return folder


def parameters(run, **changes):
    """Return the parameter tree that fits the robot."""
    tree = {
        'policy': policy_parameters(run),
        'control_rate': RATE,
        'enable': {'topic': 'enable', 'timeout': 2.0},
        'guardian': False,
        'sources': {
            'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState', 'max_age': 2.0},
            'imu': {'topic': 'imu', 'type': 'sensor_msgs/msg/Imu', 'max_age': 2.0},
        },
        'inputs': {'obs': ['position', 'velocity', 'turning', 'gravity']},
        'terms': {
            'position': {'source': 'joints', 'field': 'position', 'joints': JOINTS, 'offset': REST},
            'velocity': {'source': 'joints', 'field': 'velocity', 'joints': JOINTS},
            'turning': {'source': 'imu', 'field': 'angular_velocity'},
            'gravity': {'kind': 'projected_gravity', 'source': 'imu'},
        },
        'actions': {
            'terms': ['arm'],
            'arm': {
                'kind': 'joint_position',
                'source': 'joints',
                'joints': JOINTS,
                'scale': [0.5],
                'offset': REST,
                'lower': [-1.0, -1.0, -1.0],
                'upper': [1.0, 1.0, 1.0],
                'max_velocity': [1.0],
                'topic': 'commands',
                'type': 'std_msgs/msg/Float64MultiArray',
            },
        },
    }
    for name, value in changes.items():
        *parents, leaf = name.split('.')
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value
    return tree


def written(folder, run, changes=()):
    """Write the file with changes; return its path."""
    tree = {'/**': {'ros__parameters': parameters(run, **dict(changes))}}
    file = Path(folder) / 'robot.yaml'
    file.write_text(yaml.safe_dump(copy.deepcopy(json.loads(json.dumps(tree)))))
    return file


class RobotProcess:
    """The robot in its own process."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, doctor_robot.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ask({})

    def ask(self, request):
        """Send a request; return the answer."""
        self._process.stdin.write(json.dumps(request) + '\n')
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def commands(self):
        """Return (s, positions) of the commands since the last change."""
        return self.ask({'commands': True})['commands']

    def close(self):
        """End it."""
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()


def visit(file, capsys, *arguments, seconds=2.0):
    """Return exit code and the JSON of a visit."""
    code = main(['doctor', str(file), '--seconds', str(seconds), '--json', *arguments])
    output = capsys.readouterr()
    return code, json.loads(output.out) if output.out else output.err


def checks(content):
    """Return (check, about) of each verdict."""
    return {(each['check'], each['about'].split(' ')[0]) for each in content['verdicts']}


class Silent:
    """What a doctor has heard of a healthy robot, without any robot: a test changes it."""

    def __init__(self, run, **changes):
        configuration = parsing.configuration(flat(parameters(run, **changes)))
        control = completed(configuration.control, TrainedRun.read(run / 'train.yaml').facts, print)
        random = np.random.default_rng(5)
        moments = {'obs': (np.array(MEAN), np.array(STD))}
        self.heard = Heard(configuration, control, moments)
        self.sources = {name: Source(spec, control, {'obs': (12,)}) for name, spec in control.sources.items()}
        self.heard.watched = self.watched = Watched(control, self.sources, 3)
        self.heard.traffic = [Traffic(source, source.spec.topic, 0) for source in self.sources.values()]
        self.joints, self.imu = self.heard.traffic
        for traffic in self.heard.traffic:
            traffic.received, traffic.ages = np.arange(200) * 0.01, [0.001] * 200
            traffic.stamps = [round(each * 1e9) + 1 for each in traffic.received]
        for name, start in (('position', 0), ('velocity', 3), ('turning', 6), ('gravity', 9)):
            rest = np.array(MEAN[start : start + 3], dtype=np.float32)
            self.watched.samples[name] = list((rest + random.normal(0, 1e-3, (100, 1, 3))).astype(np.float32))
        self.wish(np.tile(REST, (100, 1)))

    def wish(self, targets):
        """Let the policy want these targets, (steps, joints), at rest."""
        base = np.array([REST])
        self.watched.wishes['arm'] = [Wish(base, target[None], base) for target in targets]
        self.watched.acted = [np.ones(1, dtype=bool)] * len(targets)
