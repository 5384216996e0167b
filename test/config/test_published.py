# SPDX-License-Identifier: Apache-2.0
"""Examples against the configurations that their families publish, at full size."""

from pathlib import Path

from config.rehearsal import CONFIG, dry_run_of
from config.streams import Stream
import numpy as np
from policy import golden_rule
import pytest
from tools.runs import parameters
import torch
import yaml

from rl_policy_node.nodes.parameters.schema import BLANK
from rl_policy_node.policy import Policy
from rl_policy_node.tools.init.init import init
from rl_policy_node.tools.process.processes import private_domain

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance'
TACSL = 'isaacgymenvs/train/TacSLTaskInsertionPPO_LSTM_dict_AAC.yaml'
# What train_state.sh adds to the state policy is known to the simulator alone.
STATE = [
    '+task.env.obsDims={ee_pos:[3],ee_quat:[4],socket_pos:[3],socket_quat:[4],dof_pos:[9]}',
    '+train.params.network.input_preprocessors={ee_pos:{},ee_quat:{},socket_pos:{},socket_quat:{},dof_pos:{}}',
]
DIMS = {'ee_pos': [3], 'ee_quat': [4], 'socket_pos': [3], 'socket_quat': [4], 'dof_pos': [9]}
# Example → id of its entry, other overrides than the entry's, other observations
PUBLISHED = {
    'franka_tacsl': (TACSL, STATE, DIMS),
    'franka_tacsl_tactile': (f'{TACSL}#train_tactile.sh', None, None),
    'anymal': ('isaacgymenvs/train/AnymalTerrainPPO.yaml', None, None),
    'allegro_hand': (
        'isaacgymenvs/train/AllegroHandPPO.yaml',
        ['task.env.observationType=full_no_vel', 'task.env.actionsMovingAverage=0.3'],
        [50],
    ),
    'allegro_dextreme': ('isaacgymenvs/train/AllegroHandDextremeManualDRPPO.yaml', None, None),
    'quadcopter': ('isaacgymenvs/train/QuadcopterPPO.yaml', None, None),
}


@pytest.fixture(params=PUBLISHED)
def published(request, tmp_path):
    """Return an example's name, and the train YAML, checkpoint and overrides of its family as published."""
    if not SET.is_dir():
        pytest.skip(f'{SET} is not there')
    identity, overrides, observation = PUBLISHED[request.param]
    (entry,) = [entry for entry in yaml.safe_load((SET / 'entries.yaml').read_text()) if entry['id'] == identity]
    overrides = [f'task={entry["resolve"]["task"]}', *(overrides or entry['resolve']['overrides'])]
    policy = Policy.load(
        SET / entry['file'],
        overrides=overrides,
        device='cpu',
        spaces={'observation': observation or entry['obs'], 'action': entry['actions'][0]},
    )
    golden_rule.fill(policy.player.model)
    torch.save({'model': policy.player.model.state_dict()}, tmp_path / 'policy.pth')
    private_domain()
    return request.param, SET / entry['file'], tmp_path / 'policy.pth', overrides


@pytest.mark.slow
def test_example_fits_its_published_family(published):
    dry_run = dry_run_of(*published)
    assert not [text for text in dry_run.told if 'was trained with' in text]
    for healthy in dry_run.play(Stream(dry_run).steps(20)):
        assert healthy.all()
        assert all(np.isfinite(value).all() for command in dry_run.commands.values() for value in command.values())


def test_numbers_are_those_that_init_writes(published, tmp_path):
    name, file, checkpoint, overrides = published
    init(file, tmp_path / 'robot.yaml', checkpoint, overrides)
    wanted, example = parameters(tmp_path / 'robot.yaml'), parameters(CONFIG / f'{name}.yaml')
    assert example['control_rate'] == pytest.approx(wanted['control_rate'], rel=1e-4)
    assert set(example['inputs']) == set(wanted['inputs'])
    for part in ('terms', 'actions'):
        for key in (set(example[part]) & set(wanted[part])) - {'terms'}:
            compare(example[part][key], wanted[part][key], f'{part}.{key}')
    order, stated = order_of(wanted), order_of(example)
    assert [term for term in stated if term in order] == [term for term in order if term in stated]


def order_of(file):
    """Return (input, term) of a file's inputs, in their order."""
    return [(name, term) for name in sorted(file['inputs']) for term in file['inputs'][name]]


def compare(stated, wanted, where):
    for number in ('offset', 'scale', 'clip', 'joints', 'position_scale', 'rotation_scale', 'rotation_threshold'):
        if number in wanted and not (number == 'joints' and BLANK in wanted[number]):
            found, right = np.ravel(stated[number]), np.ravel(wanted[number])
            same = (found == right).all() if number == 'joints' else np.allclose(found, right, rtol=1e-5)
            assert same, f'{where}.{number}: {found} {right}'
