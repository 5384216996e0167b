# SPDX-License-Identifier: Apache-2.0
"""`rl_policy verify` as a user calls it: table, JSON, exit codes, real topics."""

import json

import pytest
from tools.verify_bench import KEYS, OF_TERMS, written

from rl_policy_node.nodes.topics import loopback
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

private_domain(chosen=False)
SHORT = ['--steps', '40', '--rows', '2']


def verify(folder, capsys, *arguments, changes=()):
    """Return exit code, output and errors of the command on the file with changes."""
    code = main(['verify', str(written(folder, changes)), *SHORT, *arguments])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_a_right_file_ends_with_0(tmp_path, capsys):
    code, output, _ = verify(tmp_path, capsys)
    assert code == 0
    assert output.splitlines()[-1] == '12 terms agree over 40 steps of 2 rows'
    assert 'robot position targets' in output


def test_a_fault_is_named_with_its_remedy_and_ends_with_1(tmp_path, capsys):
    code, output, _ = verify(tmp_path, capsys, changes={'terms.joint_vel.scale': [0.1]})
    assert code == 1
    assert 'observation joint_vel: scale: what comes lacks a factor: 0.5\n  remedy: scale: 0.05\n' in output
    assert output.splitlines()[-1] == '1 of 12 terms differs over 40 steps of 2 rows'


def test_json_has_the_documented_keys(tmp_path, capsys):
    changes = {'terms.joint_vel.scale': [0.1], 'terms.gravity': {'source': 'imu', 'field': 'linear_acceleration'}}
    code, output, _ = verify(tmp_path, capsys, '--json', '--seed', '4', changes=changes)
    content = json.loads(output)
    assert code == 1 and set(content) == KEYS and all(set(term) == OF_TERMS for term in content['terms'])
    assert (content['seed'], content['rows'], content['agrees']) == (4, 2, False)
    assert (content['checked'], content['not_checked']) == (11, 1)
    terms = {term['term']: term for term in content['terms']}
    assert terms['gravity']['status'] == 'not_checked' and 'linear_acceleration' in terms['gravity']['reason']
    (explanation,) = terms['joint_vel']['explanations']
    assert set(explanation) == {'hypothesis', 'sentence', 'remedy', 'residual', 'share', 'doubt'}
    assert terms['joint_vel']['where']['label'].endswith(('hip', 'knee'))


def test_messages_go_over_real_topics_and_give_the_same(tmp_path, capsys, monkeypatch):
    carried = []

    class Counted(loopback.Loopback):
        def carry(self, messages):
            arrived = super().carry(messages)
            carried.append(arrived == dict(messages))
            return arrived

    monkeypatch.setattr(loopback, 'Loopback', Counted)
    code, output, _ = verify(tmp_path, capsys, '--through-ros', '--json')
    assert code == 0 and json.loads(output)['through_ros']
    assert carried == [True] * 80, 'messages and commands of each step arrive byte by byte'


def test_sources_may_share_a_topic(tmp_path, capsys):
    changes = {f'sources.{name}.topic': 'pose' for name in ('foot', 'object')}
    code, output, errors = verify(tmp_path, capsys, '--through-ros', changes=changes)
    assert code == 0, output + errors


def test_a_message_that_never_comes_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loopback, 'PATIENCE', 0.5)
    monkeypatch.setattr(loopback.Node, 'create_subscription', lambda *_, **__: None)
    code, _, errors = verify(tmp_path, capsys, '--through-ros')
    assert code == 2 and 'no subscription found its publisher within 0.5 s' in errors


@pytest.mark.parametrize(
    'arguments, changes, error',
    [
        ([], {'sim.environment': None}, 'it has no sim.environment'),
        (['--simulator', 'nowhere'], {}, "unknown environment 'nowhere'"),
        (['--set', 'sim.seed=3'], {}, '--set sim.seed: verify sets it by itself; use --seed'),
        (['--set', "sim.options=['without=[bodies, articulations, commands]']"], {}, 'nothing can be checked'),
        (['--set', "sim.options=['blind=true']"], {}, 'offers no raw state'),
        ([], {'terms.joint_pos.offset': [0.1, 0.2]}, 'terms.joint_pos.offset has 2 numbers; expected 1 or 8'),
    ],
)
def test_what_cannot_run_ends_with_2(tmp_path, capsys, arguments, changes, error):
    code, output, errors = verify(tmp_path, capsys, *arguments, changes=changes)
    assert code == 2 and output == '' and error in errors
