# SPDX-License-Identifier: Apache-2.0
"""A legged robot's own parameter file against Isaac Gym's tasks: what goes over its topics is what the task observes.

Held against tasks laid out as IsaacGymEnvs' are (sim/isaacgym_stand), not against NVIDIA's own.
"""

import subprocess
import sys

from config.anymal_file import tree
from nodes.stepper_bench import row_of
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sim.isaacgym_runs import hosted, ROWS, STAND
from std_msgs.msg import Float64MultiArray

from rl_policy_node.control.context import Context
from rl_policy_node.core.assemble import build_managers
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.simulator.bridge import Bridge
from rl_policy_node.nodes.topics.source import Source

STEPS = 60


class Robots:
    """The policy's end of the wires: reads messages, whose joints come in any order, and computes observations."""

    def __init__(self, made, environment):
        control, self._random = made.control, np.random.default_rng(5)
        self.sources = {name: Source(spec, control, environment.shapes) for name, spec in control.sources.items()}
        shapes = {name: environment.shapes[name] for name in control.inputs}
        managers = build_managers(control, self.sources, shapes, environment.actions, environment.num_actions)
        self._observations, self._buffers, self.rows = managers.observations, managers.buffers, control.rows

    def hear(self, bridge, frame):
        """Take the messages of a frame, as bytes."""
        for name, source in self.sources.items():
            for row in range(self.rows):
                rows = row_of(source, row)
                message = bridge.sources[name].message(frame.values[name], rows, frame.stamp)
                if hasattr(message, 'velocity'):
                    self._shuffle(message)
                message = deserialize_message(serialize_message(message), type(message))
                source.buffer.write(rows, *source.read(rows, message), 0.0)

    def _shuffle(self, message):
        order = self._random.permutation(len(message.name))
        for field in ('name', 'position', 'velocity', 'effort'):
            values = list(getattr(message, field))
            setattr(message, field, [values[place] for place in order] if values else values)

    def observation(self, last_action):
        """Return what the policy sees, (rows, n)."""
        context = Context(last_action, np.zeros(self.rows), np.ones(self.rows, bool))
        return self._observations.compute(self._buffers, context)['obs']


@pytest.fixture
def python():
    """A Python that has torch and hydra-core."""
    if subprocess.run([sys.executable, '-c', 'import hydra, torch'], capture_output=True).returncode:
        pytest.skip(f'{sys.executable} has no torch or no hydra-core')
    return sys.executable


@pytest.mark.slow
@pytest.mark.worker
@pytest.mark.parametrize('task, scale', [('Anymal', 0.5), ('AnymalTerrain', 0.5), ('AnymalTerrain', 0.1)])
def test_a_robots_own_file_fits_the_task(python, task, scale):
    made = configuration(tree(task, **{'actions.legs.scale': [scale]}))
    environment = hosted(task, python=python, python_path=[str(STAND)])
    try:
        bridge, ended = Bridge(made, environment), 0
        assert 'through its own action terms' in bridge.notes[0], bridge.notes
        robots, random = Robots(made, environment), np.random.default_rng(2)
        offset, scene = np.array(made.control.actions[0].options.offset), environment.scene
        bridge.begin()
        for step in range(STEPS):
            bridge.frame()
            bridge.commands.expect(bridge._stamp, step)
            targets = offset + random.uniform(-0.5, 0.5, (ROWS, 12))
            for row in range(ROWS):
                bridge.commands.receive('legs', row, Float64MultiArray(data=targets[row].tolist()))
            ended += len(bridge.step())
            frame = bridge.frame()
            robots.hear(bridge, frame)
            seen, wanted = robots.observation(np.float32((targets - offset) / 0.5)), bridge._observed['obs']
            same = slice(9 if task == 'AnymalTerrain' else 0, None)  # there, rows that begin keep their velocities
            begun = frame.begun == frame.stamp
            np.testing.assert_allclose(seen[~begun], wanted[~begun], atol=1e-5)
            np.testing.assert_allclose(seen[begun][:, same], wanted[begun][:, same], atol=1e-5)
            obeyed = environment.raw['targets/anymal/position']
            np.testing.assert_allclose(obeyed, targets, atol=1e-5, err_msg=str(scene['actions']))
        assert ended > ROWS
    finally:
        environment.close()
