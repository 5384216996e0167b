# SPDX-License-Identifier: Apache-2.0
"""The probe and the nodes that it measures, as processes."""
import contextlib
import json
import subprocess
import time

from rl_policy_node.nodes.policy.dry_run import read_file
from rl_policy_node.tools.process.processes import NodeProcess, private_domain, ToolProcess

PATIENCE = 90.0      # s, for a node to answer for the first time
ACTIVATE, DEACTIVATE = 3, 4
JOINTS = [f'joint_{number}' for number in range(30)]
COMMANDED = JOINTS[:12]
JOINT_STATES = {'type': 'sensor_msgs/msg/JointState', 'joints': JOINTS}
CAMERA = {'type': 'sensor_msgs/msg/Image', 'shape': (240, 320, 3)}


class Probe:
    """nodes/bench/bench_probe.py in a process of its own; a context manager. Calls are its methods by name."""

    def __init__(self, folder, name='probe'):
        private_domain()
        self._process = ToolProcess(name, ['-m', 'rl_policy_node.nodes.bench.bench_probe'], folder / f'{name}.log',
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.process.stdin.close()
        self._process.stop()
        self._process.process.stdout.close()

    def ask(self, what, **arguments):
        """Have the probe do something and return its answer; raises RuntimeError where it has died."""
        self.begin(what, **arguments)
        return self.end()

    def begin(self, what, **arguments):
        """Have the probe begin with something."""
        with contextlib.suppress(BrokenPipeError):      # end() says so
            print(json.dumps({'do': what, **arguments}), file=self._process.process.stdin, flush=True)

    def end(self):
        """Return the answer to what was begun; raises RuntimeError where the probe has died."""
        answer = self._process.process.stdout.readline()
        if not answer:
            raise RuntimeError(f'the probe died:\n{self._process.tail()}')
        return json.loads(answer)

    def open(self, group, robots=1, message=JOINT_STATES):
        """Have robots for a group, whose topics are those of `topics`."""
        self.ask('open', group=group, robots=[topics(group, robot, robots) for robot in range(robots)], message=message)

    def meet(self, group, process):
        """Wait until a node answers all robots of a group; raises RuntimeError with its last words."""
        end = time.monotonic() + PATIENCE
        while not self.ask('await_answers', group=group, patience=1.0)['answered']:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f'{process.name} never answered:\n{process.tail()}')


def topics(group, robot=0, robots=1):
    """Return the topics of a robot of a group."""
    place = group if robots == 1 else f'{group}/robot_{robot}'
    return {'observations': f'{place}/joint_states', 'commands': f'{place}/commands'}


def joint_parameters(folder, model, group, rate, robots=1, joints=JOINTS, **changes):
    """Return the parameters of a policy node that moves twelve of each robot's joints.

    model: what it acts with; sees position and velocity of the joints. changes: name → value at the top level.
    """
    names = [group] if robots == 1 else [f'{group}/robot_{robot}' for robot in range(robots)]
    return {
        'policy': policy_parameters(folder, model), 'control_rate': float(rate), 'trigger': 'observation',
        'autostart': True, 'resume': 'automatic', 'enable': 'none', 'robots': names,
        'sources': {'joints': {'topic': 'joint_states', 'type': JOINT_STATES['type'], 'max_age': 0.5}},
        'inputs': {'obs': ['position', 'velocity']},
        'terms': {'position': {'source': 'joints', 'field': 'position', 'joints': joints},
                  'velocity': {'source': 'joints', 'field': 'velocity', 'joints': joints}},
        'actions': {'terms': ['arm'], 'arm': {
            'kind': 'joint_position', 'source': 'joints', 'joints': COMMANDED, 'scale': [0.1], 'topic': 'commands',
            'type': JOINT_STATES['type'], 'limits': 'none'}},
        **changes}


def policy_parameters(folder, model):
    """Return the group of parameters that says which policy to load."""
    train, checkpoint = model.write(folder)
    return {'train_config': str(train), 'checkpoint': str(checkpoint), 'device': 'cpu'}


def policy_node(folder, tree, name='policy_node'):
    """Start the policy node with a tree of parameters; return its process."""
    return NodeProcess('policy_node', write_parameters(folder, tree, name), {}, folder / f'{name}.log')


def write_parameters(folder, tree, name):
    """Write a parameter file, which is read once for what it says wrong; return its path."""
    file = folder / f'{name}.yaml'
    # JSON is YAML without aliases, which rcl's parser does not read
    file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
    read_file(file)
    return file
