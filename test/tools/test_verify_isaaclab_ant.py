# SPDX-License-Identifier: Apache-2.0
"""A robot's parameter file against Isaac Lab's own ant, Isaac-Ant-Direct, whose terms have no names."""

import pytest
from sim.isaaclab_runs import assets_with_ant, lab_python
from tools.ant_file import ROWS, STEPS, tree
from tools.verify_bench import flat, TRAIN
import yaml

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.tools.verify.comparing import Comparing
from rl_policy_node.tools.verify.verification import complete, play, Played

pytestmark = pytest.mark.lab


@pytest.fixture(scope='module')
def played(tmp_path_factory):
    """What Isaac Lab gives, once, and the parameters of the file by name."""
    folder = tmp_path_factory.mktemp('ant')
    run = folder / 'run' / 'params'
    run.mkdir(parents=True)
    # the agent's clip is that of the published one; no setting of the task differs from the published
    (run / 'agent.yaml').write_text(yaml.safe_dump({'params': {**TRAIN['params'], 'env': {'clip_actions': 1.0}}}))
    (run / 'env.yaml').write_text('{}')
    python = lab_python()
    about = python, assets_with_ant(folder, python)
    # the simulator alone knows the order of its joints and bodies
    first = configuration(flat(tree(run.parent, *about, {f'joint_{place}': (-1.0, 1.0) for place in range(8)})))
    recording = play(first, Played(rows=ROWS, steps=STEPS))
    robot = recording.scene['articulations']['robot']
    joints = {name: limits for name, *limits in zip(robot['joints'], robot['lower'], robot['upper'])}
    return recording, flat(tree(run.parent, *about, joints, recording.scene['sensors']['joint_wrench']['bodies']))


def findings(played, changes=()):
    """Return term → Finding."""
    recording, values = played
    read = configuration({**values, **dict(changes)})
    return {each.name: each for each in Comparing(seed=1).findings(complete(read), read.sim.sensors, recording)}


def test_a_right_file_agrees(played):
    found = findings(played)
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(found, 'agrees')
    assert len(found) == 9 and played[0].begins[1:].sum() >= ROWS
    assert max(each.verdict.largest for each in found.values()) < 1e-5
    assert played[0].actions.min() < -0.9 and played[0].actions.max() > 0.9


@pytest.mark.parametrize(
    'changes, term, hypothesis',
    [
        ({'terms.ang_vel.scale': [1.0, 1.0, -1.0]}, 'ang_vel', 'sign'),
        ({'terms.lin_vel.kind': 'rotate', 'terms.lin_vel.inverse': False}, 'lin_vel', 'frame'),
        ({'terms.joint_vel.scale': [0.1]}, 'joint_vel', 'scale'),
        ({'terms.joint_vel.clip': 3.0}, 'joint_vel', 'clip'),
        ({'terms.joint_pos.offset': [0.0]}, 'joint_pos', 'offset'),
        ({'terms.wrench.scale': [1.0]}, 'wrench', 'scale'),
        ({'actions.legs.scale': [15.0]}, 'legs', 'scale'),
    ],
)
def test_planted_fault_is_found_and_named(played, changes, term, hypothesis):
    found = findings(played, changes)
    assert {name for name, each in found.items() if each.status != 'agrees'} == {term}
    assert [each.hypothesis for each in found[term].verdict.explanations] == [hypothesis]
