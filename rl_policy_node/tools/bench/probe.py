# SPDX-License-Identifier: Apache-2.0
"""The probe and the nodes that it measures, as processes."""

from collections.abc import Mapping, Sequence
import contextlib
import json
from pathlib import Path
import subprocess
import time

from rl_policy_node.nodes.policy.dry_run import read_file
from rl_policy_node.tools.bench.models import Model
from rl_policy_node.tools.bench.section import Results
from rl_policy_node.tools.process.processes import NodeProcess, private_domain, ToolProcess

PATIENCE = 90.0  # s, for a node to answer for the first time
ACTIVATE, DEACTIVATE = 3, 4
JOINTS = [f'joint_{number}' for number in range(30)]
COMMANDED = JOINTS[:12]
JOINT_STATES: Results = {'type': 'sensor_msgs/msg/JointState', 'joints': JOINTS}
CAMERA: Results = {'type': 'sensor_msgs/msg/Image', 'shape': (240, 320, 3)}


class Probe:
    """A context manager that runs nodes/bench/bench_probe.py in its own process; calls are its methods by name."""

    def __init__(self, folder: Path, name: str = 'probe') -> None:
        private_domain()
        self._process = ToolProcess(
            name,
            ['-m', 'rl_policy_node.nodes.bench.bench_probe'],
            folder / f'{name}.log',
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        calls, answers = self._process.process.stdin, self._process.process.stdout
        assert calls is not None and answers is not None, 'pipes'
        self._calls, self._answers = calls, answers

    def __enter__(self) -> 'Probe':
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()
        self._process.stop()
        self._answers.close()

    def ask(self, what: str, **arguments: object) -> Results:
        """Call a method of the probe and return its answer; raises RuntimeError if it has died."""
        self.begin(what, **arguments)
        return self.end()

    def begin(self, what: str, **arguments: object) -> None:
        """Call a method of the probe; end() returns its answer."""
        with contextlib.suppress(BrokenPipeError):  # which end() raises
            print(json.dumps({'do': what, **arguments}), file=self._calls, flush=True)

    def end(self) -> Results:
        """Return the answer to the call of begin(); raises RuntimeError if the probe has died."""
        answer = self._answers.readline()
        if not answer:
            raise RuntimeError(f'the probe died:\n{self._process.tail()}')
        found: Results = json.loads(answer)
        return found

    def open(self, group: str, robots: int = 1, message: Mapping[str, object] = JOINT_STATES) -> None:
        """Play the robots of a group, on the topics of `topics`."""
        self.ask('open', group=group, robots=[topics(group, robot, robots) for robot in range(robots)], message=message)

    def meet(self, group: str, process: ToolProcess) -> None:
        """Wait until a node answers all robots of a group; raises RuntimeError with its last output."""
        end = time.monotonic() + PATIENCE
        while not self.ask('await_answers', group=group, patience=1.0)['answered']:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f'{process.name} never answered:\n{process.tail()}')


def topics(group: str, robot: int = 0, robots: int = 1) -> dict[str, str]:
    """Return the topics of a robot of a group."""
    place = group if robots == 1 else f'{group}/robot_{robot}'
    return {'observations': f'{place}/joint_states', 'commands': f'{place}/commands'}


def joint_parameters(
    folder: Path,
    model: Model,
    group: str,
    rate: float,
    robots: int = 1,
    joints: Sequence[str] = JOINTS,
    **changes: object,
) -> Results:
    """Return the parameters of a policy node that moves twelve of each robot's joints.

    model: its policy, which observes position and velocity of the joints. changes: name → value at the top level.
    """
    names = [group] if robots == 1 else [f'{group}/robot_{robot}' for robot in range(robots)]
    return {
        'policy': policy_parameters(folder, model),
        'control_rate': float(rate),
        'trigger': 'observation',
        'autostart': True,
        'resume': 'automatic',
        'enable': 'none',
        'robots': names,
        'sources': {'joints': {'topic': 'joint_states', 'type': JOINT_STATES['type'], 'max_age': 0.5}},
        'inputs': {'obs': ['position', 'velocity']},
        'terms': {
            'position': {'source': 'joints', 'field': 'position', 'joints': joints},
            'velocity': {'source': 'joints', 'field': 'velocity', 'joints': joints},
        },
        'actions': {
            'terms': ['arm'],
            'arm': {
                'kind': 'joint_position',
                'source': 'joints',
                'joints': COMMANDED,
                'scale': [0.1],
                'topic': 'commands',
                'type': JOINT_STATES['type'],
                'limits': 'none',
            },
        },
        **changes,
    }


def policy_parameters(folder: Path, model: Model) -> dict[str, str]:
    """Return the parameters below `policy`, which name the policy to load."""
    train, checkpoint = model.write(folder)
    return {'train_config': str(train), 'checkpoint': str(checkpoint), 'device': 'cpu'}


def policy_node(folder: Path, tree: Results, name: str = 'policy_node') -> ToolProcess:
    """Start the policy node with a tree of parameters; return its process."""
    return NodeProcess('policy_node', write_parameters(folder, tree, name), {}, folder / f'{name}.log')


def write_parameters(folder: Path, tree: Results, name: str) -> Path:
    """Write a parameter file and check it; return its path."""
    file = folder / f'{name}.yaml'
    # JSON is YAML without aliases, which rcl's parser does not read
    file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
    read_file(file)
    return file
