# SPDX-License-Identifier: Apache-2.0
"""`rl_policy explain` on a simulated robot whose policy acts on the fault: verdict, page, JSON, exit codes."""

import dataclasses
import json

import numpy as np
import pytest
from tools.explain_bench import Changed, Forgetful, played, Slow, Weak, write_file

from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.unpaired import explain, HEALTHY
from rl_policy_node.tools.explain.explain_run import content
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

pytest.importorskip('mujoco')
private_domain(chosen=False)


@pytest.fixture(scope='module')
def simulation():
    return played(100, rows=12, steps=350)


@pytest.fixture(scope='module')
def files(tmp_path_factory, simulation):
    """Return a folder with the recordings of a robot, of a faulty one, and of a simulator."""
    folder = tmp_path_factory.mktemp('recordings')
    simulation.save(folder / 'simulation.npz')
    played(7).save(folder / 'healthy.npz')
    played(7, Changed('velocity', lambda value: 2 * value)).save(folder / 'robot.npz')
    return folder


def test_played_steps_hold_what_the_policy_saw_and_sent(simulation):
    assert simulation.acted.all() and simulation.reset[0].all() and simulation.reset[1:].any()
    np.testing.assert_array_equal(simulation.values('joint_pos'), simulation.measured['joints']['position'])
    np.testing.assert_allclose(next(iter(simulation.commands['force'].values())), simulation.actions)
    assert simulation.terms['joint_vel'].labels == ('slider', 'hinge')
    assert np.diff(simulation.time) == pytest.approx(1 / 25.0) and simulation.about['memory']
    assert simulation.moments['obs'].shape == (2, 4) and len(simulation.received['joints']) == simulation.steps


def test_the_same_seed_plays_the_same():
    first, second = played(3, rows=2, steps=40), played(3, rows=2, steps=40)
    np.testing.assert_array_equal(first.inputs['obs'], second.inputs['obs'])


@pytest.mark.parametrize('seed', [1, 2])
def test_a_robot_like_the_simulator_is_healthy(simulation, seed):
    account = explain(played(seed), simulation)
    assert account.verdict == HEALTHY and account.findings == ()


@pytest.mark.parametrize(
    'wire, kind, term',
    [
        (Changed('velocity', lambda value: 2 * value), 'scale', 'joint_vel'),
        (Changed('position', lambda value: value * [1.0, -1.0]), 'sign', 'joint_pos'),
        (Changed('velocity', lambda value: value + [0.0, 2.0]), 'offset', 'joint_vel'),
        (Changed('position', lambda value: value[:, ::-1]), 'joint order', 'joint_pos'),
        (Slow(), 'rate', ''),
        (Forgetful(), 'reset', ''),
    ],
    ids=['scale', 'sign', 'offset', 'order', 'rate', 'reset'],
)
def test_a_fault_in_the_closed_loop_is_named_first(simulation, wire, kind, term):
    first = explain(played(7, wire), simulation).findings[0]
    assert first.kind == kind and (not term or term in first.where)


def test_a_weak_motor_is_told_apart_from_a_healthy_one(simulation):
    account = explain(played(7, Weak()), simulation)
    assert account.verdict != HEALTHY


def test_page_and_json_tell_the_verdict(files, tmp_path, capsys):
    page, found = tmp_path / 'page.html', tmp_path / 'found.json'
    arguments = [str(files / 'robot.npz'), '--simulation', str(files / 'simulation.npz')]
    assert main(['explain', *arguments, '-o', str(page), '--json', str(found)]) == 1
    assert capsys.readouterr().out.startswith('explained\nscale: joint_vel comes 2')
    text = page.read_text()
    assert 'joint_vel comes 2' in text and 'terms.joint_vel.scale: 0.5' in text and text.count('data:image/png') == 2
    read = json.loads(found.read_text())
    assert read['verdict'] == 'explained' and read['findings'][0]['kind'] == 'scale'
    assert {term['name'] for term in read['terms']} == {'joint_pos', 'joint_vel'}


def test_a_healthy_robot_ends_with_zero(files, tmp_path, capsys):
    arguments = [str(files / 'healthy.npz'), '--simulation', str(files / 'simulation.npz')]
    assert main(['explain', *arguments, '-o', str(tmp_path / 'page.html')]) == 0
    assert 'healthy' in capsys.readouterr().out
    assert 'The robot sees and moves as simulation does.' in (tmp_path / 'page.html').read_text()


def test_one_robot_of_a_fleet_is_looked_at_alone(files, tmp_path, capsys):
    fleet = played(7, Changed('velocity', lambda value: value * [[1.0], [2.0]]), rows=2)
    dataclasses.replace(fleet, about={**fleet.about, 'robots': ['left', 'right']}).save(tmp_path / 'fleet.npz')
    arguments = [str(tmp_path / 'fleet.npz'), '--simulation', str(files / 'simulation.npz')]
    codes = [
        main(['explain', *arguments, '--robot', name, '-o', str(tmp_path / 'p.html')]) for name in ('left', 'right')
    ]
    assert codes == [0, 1]
    assert 'scale: joint_vel comes 2' in capsys.readouterr().out
    assert main(['explain', *arguments, '--robot', 'middle']) == 2
    assert "unknown robot 'middle'" in (said := capsys.readouterr().err) and 'valid: left, right' in said


@pytest.mark.parametrize('mode', ['real_time', 'lockstep'])
def test_a_parameter_file_is_played_and_kept(files, tmp_path, mode):
    file, kept = write_file(tmp_path), tmp_path / 'kept.npz'
    options = f'--simulator {file} --rows 8 --steps 200 --keep {kept} -o {tmp_path / "page.html"} --set sim.mode={mode}'
    assert main(['explain', str(files / 'robot.npz'), *options.split()]) == 1
    assert Recording.load(kept).rows == 8 and Recording.load(kept).steps == 200


@pytest.mark.parametrize(
    'arguments, text',
    [
        (['missing.npz', '--simulation', 'simulation.npz'], 'no such file'),
        (['missing', '--simulation', 'simulation.npz'], "bag 'missing' is not there"),
        (['robot.npz'], 'expected one of --simulation BAG and --simulator FILE'),
    ],
    ids=['file', 'bag', 'side'],
)
def test_what_cannot_be_read_ends_with_two(files, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(files)
    assert main(['explain', *arguments]) == 2
    assert text in capsys.readouterr().err


def test_json_has_null_for_what_is_not_known(simulation):
    found = content(explain(played(1), simulation))
    json.dumps(found, allow_nan=False)
