# SPDX-License-Identifier: Apache-2.0
"""An environment in another Python: the same as in this one, or an error that says what is wrong, and nothing left."""

import ast
import gc
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from sim import worlds
from sim.workers import belongings, create, goes, HERE, is_alive, pid_of, python, VERSIONS

from rl_policy_node.errors import ConfigurationError, SimulationError
from rl_policy_node.sim import create_environment, worker
from rl_policy_node.sim.environment_specs import EnvironmentSpec, PythonSpec
from rl_policy_node.sim.hosted import HostedEnvironment

ACTIONS = np.full((2, 3), 0.5, np.float32)
SOON = 2.0  # s in which a failure is told


@pytest.fixture(autouse=True)
def nothing_left():
    """Every test gives back what it took: files, processes, shared memory."""
    gc.collect()  # what earlier tests left to be collected does not vanish meanwhile
    before = belongings()
    yield
    gc.collect()
    assert [now - then for now, then in zip(belongings(), before)] == [set(), set(), set()]


def arrays_of(result):
    observations, *others = result
    return [observations[name] for name in sorted(observations)] + others


def equal(found, wanted):
    return found.dtype == wanted.dtype and found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize('version', VERSIONS)
def test_trajectory_is_that_of_the_same_environment_in_this_process(version):
    here, there = HostedEnvironment(worlds.World(64, 7)), create('World', python(version), 64, seed=7)
    assert there.about == here.about
    first, other = here.reset(), there.reset()
    assert all(equal(other[name], first[name]) for name in first) and list(first) == list(other)
    random, ended, won = np.random.default_rng(3), 0, 0
    for _ in range(1000):
        actions = random.uniform(-1, 1, (64, 3)).astype(np.float32)
        wanted, found = here.step(actions), there.step(actions)
        assert all(map(equal, arrays_of(found), arrays_of(wanted)))
        assert equal(there.qpos, here.qpos)
        ended, won = ended + wanted[2].sum(), won + wanted[3].sum()
    assert ended > 1000 and won > 100
    there.close()


@pytest.mark.parametrize('version', ['', VERSIONS[0]])
def test_arrays_handed_out_are_the_callers_to_keep(version):
    environment = create('World', python(version) if version else '')
    first = environment.reset()
    kept = {name: value.copy() for name, value in first.items()}
    _, rewards, _, _ = environment.step(ACTIONS)
    copied = rewards.copy()
    environment.step(-ACTIONS)
    assert all(np.array_equal(first[name], kept[name]) for name in kept) and np.array_equal(rewards, copied)
    environment.close()


FAULTS = {
    'an exception in step': (
        dict(fault='raise'),
        SimulationError,
        r'failed in step\(\): RuntimeError: the simulator lost its GPU\n(.|\n)*worlds\.py',
    ),
    'an exception in reset': (dict(fault='raise', at='reset'), SimulationError, r'failed in reset\(\): RuntimeError'),
    'an exit in step': (dict(fault='exit'), SimulationError, r'failed in step\(\): SystemExit: 3'),
    'an end without a word': (dict(fault='abort'), SimulationError, r'exit code 7 in step\(\); its last output'),
    'kill -9': (dict(fault='kill'), SimulationError, r'was killed by SIGKILL, as .* in step\(\)(.|\n)*goes wrong'),
    'SIGSTOP': (dict(fault='stop'), SimulationError, r'was stopped by a signal in step\(\)'),
    'a step too long': (dict(fault='hang'), SimulationError, r'did not answer within 0\.5 s in step\(\)'),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_failure_is_one_error_in_time(fault):
    options, kind, text = FAULTS[fault]
    lines = []
    environment = create('Faulty', python(), say=lines.append, step_timeout=0.5, options=options)
    environment.reset()
    with pytest.raises(kind, match=text):
        begun = time.monotonic()
        environment.step(ACTIONS)
        begun = time.monotonic()
        environment.reset() if options.get('at') == 'reset' else environment.step(ACTIONS)
    assert time.monotonic() - begun < SOON
    assert not is_alive(pid_of(lines)) and 'something goes wrong' in lines
    with pytest.raises(SimulationError, match='has ended'):
        environment.step(ACTIONS)
    environment.close()


MADE = {
    'an exception': (
        dict(fault='raise'),
        SimulationError,
        r"'worlds:Faulty': its process .* failed while the environment was made and reset: RuntimeError",
    ),
    'a signal': (dict(fault='kill'), SimulationError, 'was killed by SIGKILL.* while the environment was made'),
    'stopped': (dict(fault='stop'), SimulationError, 'was stopped by a signal while the environment was made'),
    'too long': (dict(fault='hang'), SimulationError, r'did not answer within 1 s while the environment was made'),
    'first reset': (dict(fault='raise', at='reset'), SimulationError, 'was made and reset: RuntimeError'),
}


@pytest.mark.parametrize('fault', MADE)
def test_environment_that_cannot_be_made_says_why(fault):
    options, kind, text = MADE[fault]
    with pytest.raises(kind, match=text):
        create('Faulty', python(), start_timeout=1.0, options={'at': 'make', 'after': 0, **options})


@pytest.mark.parametrize('number, text', [(signal.SIGKILL, 'was killed by SIGKILL'), (signal.SIGSTOP, 'was stopped')])
def test_end_between_two_steps_is_noticed_when_one_looks(number, text):
    lines = []
    environment = create('World', python(), say=lines.append)
    environment.check()
    os.kill(pid_of(lines), number)
    with pytest.raises(SimulationError, match=f'{text}.* while it waited'):
        begun = time.monotonic()
        while time.monotonic() - begun < SOON:
            environment.check()
    environment.close()


def test_what_takes_long_at_first_may_take_its_time():
    environment = create('Slow', python(), step_timeout=0.3)
    environment.reset()
    environment.step(ACTIONS)
    with pytest.raises(SimulationError, match=r'did not answer within 0\.3 s'):
        environment.step(ACTIONS)
    environment.close()


@pytest.mark.parametrize(
    'target, text',
    [
        (
            'nothing',
            r"sim\.environment 'worlds:nothing': module 'worlds' has no function 'nothing'; valid: insertion, .*",
        ),
        ('Uneven', r"sim\.environment 'worlds:Uneven': its observation 'camera' has the shape \(2, 2, 2, 3\)"),
        ('TwoAgents', r'has 4 rows, 2 agents in each environment; expected 2, one for each robot'),
        ('refusing', r"sim\.environment 'worlds:refusing': no such world; valid: this one"),
        ('Unheard', r'its action space is a Dict'),
    ],
)
@pytest.mark.parametrize('version', ['', VERSIONS[0]])
def test_environment_that_does_not_fit_is_refused_by_name_wherever_it_runs(version, target, text):
    with pytest.raises(ConfigurationError, match=text):
        create(target, python(version) if version else '')


def test_file_is_named_in_the_place_of_a_module():
    for place in ('', python()):
        environment = create_environment(EnvironmentSpec(f'{HERE}/worlds.py:World', 2, python=PythonSpec(place)))
        assert environment.shapes['camera'] == (16, 16, 3)
        environment.close()
    with pytest.raises(ConfigurationError, match=r"there is no file '/no/worlds\.py'; valid: insertion"):
        create_environment(EnvironmentSpec('/no/worlds.py:World', 2))


def test_unknown_module_is_refused_with_the_python_that_lacks_it():
    with pytest.raises(ConfigurationError, match=r"'no\.such:make': .*/python \(Python 3\.\d\) cannot import it: No"):
        create_environment(EnvironmentSpec('no.such:make', 2, python=PythonSpec(python())))


def test_agents_are_rows():
    environment = create('TwoAgents', python(), options={'num_envs': 1})
    assert environment.agents == 2 and environment.rows == 2
    assert environment.step(ACTIONS)[1].shape == (2,)
    environment.close()


@pytest.mark.parametrize(
    'target, actions, taken',
    [('Choosing', {'discrete': 4}, [3, 1]), ('ChoosingTwice', {'multi_discrete': [4, 2]}, [[3, 1], [0, 0]])],
)
@pytest.mark.parametrize('version', ['', VERSIONS[0]])
def test_choices_arrive_as_integers(version, target, actions, taken):
    environment = create(target, python(version) if version else '')
    assert environment.actions == actions
    given = np.reshape(np.float32(taken), (2, -1))
    observations = environment.step(given)[0]
    assert observations['obs'][:, 0].tolist() == [np.array(taken).ndim, np.array(taken).sum()]
    environment.close()


# raw state: in this process, in another of this Python, in other Pythons

PLACES = pytest.mark.parametrize('place', ['', sys.executable, *VERSIONS])


def host(place):
    return python(place) if place in VERSIONS else place


@PLACES
def test_raw_state_is_that_of_the_environment_after_every_reset_and_step(place):
    world, environment = worlds.Seen(2), create('Seen', host(place))
    assert environment.scene == world.scene
    world.reset(), environment.reset()
    for _ in range(40):
        kept = environment.raw
        before = {name: value.copy() for name, value in kept.items()}
        environment.step(ACTIONS), world.step(ACTIONS)
        wanted = {name: np.asarray(value) for name, value in world.raw().items()}
        found = environment.raw
        assert found.keys() == wanted.keys() and all(equal(found[name], wanted[name]) for name in wanted)
        assert all(np.array_equal(kept[name], before[name]) for name in kept), 'what was handed out stays as it is'
    assert not np.array_equal(found['bodies'], before['bodies'])
    environment.close()


@PLACES
def test_environment_without_a_scene_has_no_raw_state(place):
    environment = create('World', host(place))
    assert environment.scene is None and environment.raw is None
    environment.close()


@pytest.mark.parametrize(
    'fault, text',
    [
        ('listed', 'its scene is a list; expected a dict'),
        ('unread', r"its scene\['bodies'\] is a dict; expected a list"),
        ('strange', 'its scene is no JSON: .*Seen'),
        ('mute', r'it has a scene and no method raw\(\)'),
        ('nameless', "a part of its scene lacks 'joints'"),
        ('short', r"its raw state 'joints/arm/velocity' has the shape \(2, 2\); its scene says \(3,\) behind 2 rows"),
        (
            'unheard',
            "its raw state has 'joints/leg/position', which its scene does not describe; valid: joints/arm/pos",
        ),
    ],
)
@PLACES
def test_raw_state_that_differs_from_its_scene_is_refused(place, fault, text):
    with pytest.raises(ConfigurationError, match=f"sim.environment 'worlds:Seen': {text}"):
        create('Seen', host(place), options={'fault': fault})


def test_raw_state_that_goes_missing_is_an_error():
    environment = create('Seen', sys.executable, options={'fault': 'fading'})
    environment.step(ACTIONS)
    with pytest.raises(SimulationError, match=r"failed in raw\(\): ValueError: its raw state lacks 'bodies'"):
        environment.raw


# interpreters


def script(path, text):
    path.write_text('#!/bin/sh\n' + text)
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    'text, wanted',
    [
        ('echo hello; exit 0', 'is no Python: it ended with 0'),
        # what an interpreter of that age answers
        (
            '[ "$1" = -c ] && printf "Python 3.5 " && exit 0; echo "SyntaxError: invalid syntax"; exit 1',
            r'is Python 3\.5; expected 3\.6 or newer',
        ),
    ],
)
def test_interpreter_of_the_wrong_kind_is_refused(tmp_path, text, wanted):
    with pytest.raises(ConfigurationError, match=rf"sim\.python '.*/python' {wanted}"):
        create('World', script(tmp_path / 'python', text))


def test_interpreter_that_is_none_is_refused(tmp_path):
    (tmp_path / 'python').write_text('text')
    for place, text in (
        (tmp_path / 'absent', 'does not exist'),
        (tmp_path / 'python', 'is not executable'),
        (tmp_path, r'is a folder; expected an interpreter, such as .*/bin/python'),
    ):
        with pytest.raises(ConfigurationError, match=rf"sim\.python '{place}' {text}"):
            create('World', str(place))
    (tmp_path / 'python').chmod(0o755)
    with pytest.raises(ConfigurationError, match='cannot be run: Exec format error'):
        create('World', str(tmp_path / 'python'))


def test_interpreter_without_numpy_is_refused(tmp_path):
    bare = script(tmp_path / 'python', f'exec {python()} -S "$@"')  # -S: without site-packages
    with pytest.raises(ConfigurationError, match=r'\(Python 3\.\d\) has no numpy: .*python -m pip install numpy'):
        create('World', bare)


def test_variables_without_a_process_of_their_own_are_refused():
    with pytest.raises(ConfigurationError, match=r'sim\.python_variables are for the process of sim\.python, which'):
        create('World', variables=('MINE=1',))


def test_folders_are_imported_from_in_this_process_too(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'path', sys.path.copy())
    (tmp_path / 'far_away.py').write_text('from worlds import World as make')
    here = PythonSpec(path=(str(tmp_path), str(HERE)))
    environment = create_environment(EnvironmentSpec('far_away:make', 2, python=here))
    assert environment.rows == 2


@pytest.mark.parametrize(
    'name, fields, text',
    [
        ('worlds:World', dict(variables=('MINE',)), r"sim\.python_variables has 'MINE'; expected NAME=value"),
        ('worlds:World', dict(path=('/no/where',)), r"sim\.python_path has '/no/where', which is no folder"),
        ('insertion', {}, r"'insertion' runs in the bridge's own Python; leave sim\.python empty"),
    ],
)
def test_settings_that_mean_nothing_are_refused(name, fields, text):
    with pytest.raises(ConfigurationError, match=text):
        create_environment(EnvironmentSpec(name, 2, python=PythonSpec('python3', **fields)))


# what passes between the processes besides


def test_what_it_prints_arrives_and_nothing_of_ros_reaches_it(monkeypatch):
    for name in ('LD_LIBRARY_PATH', 'PYTHONPATH', 'AMENT_PREFIX_PATH', 'ROS_DISTRO'):
        monkeypatch.setenv(name, '/opt/ros/lib')
    lines = []
    environment = create('talkative', python('3.8'), say=lines.append, variables=('MINE=a=b',))
    environment.close()
    assert {'Python 3.8', 'to the other stream', 'from a child', f'path {HERE}'} <= set(lines)
    variables = next(line for line in lines if line.startswith('variables')).removeprefix('variables ').split(', ')
    assert variables[1:] == ['', '', 'a=b'] and '/opt/ros' not in variables[0]
    assert all(os.path.isdir(folder) and folder.endswith('/lib') for folder in variables[0].split(':'))


def test_processes_that_the_environment_started_end_with_it(tmp_path):
    environment = create('Faulty', python(), options={'fault': 'breed', 'after': 0, 'note': tmp_path / 'pid'})
    environment.step(ACTIONS)
    child = int((tmp_path / 'pid').read_text())
    assert is_alive(child)
    environment.close()
    assert goes(child)


def test_close_does_not_wait_for_a_step_of_another_thread():
    environment = create('Faulty', python(), options={'fault': 'hang', 'after': 0})
    errors = []

    def step():
        try:
            environment.step(ACTIONS)
        except SimulationError as error:
            errors.append(error)

    thread = threading.Thread(target=step)
    thread.start()
    time.sleep(0.2)
    environment.close()
    environment.close()
    thread.join(SOON)
    assert not thread.is_alive() and errors


@pytest.mark.parametrize('doing', ['nothing', 'step'])
def test_worker_goes_when_the_process_that_started_it_is_killed(doing):
    code = (
        f'from sim import workers; import threading, time\n'
        f'made = workers.create("Faulty", {python()!r}, say=lambda line: print(line, flush=True),'
        '                       options={"fault": "hang", "after": 0})\n'
        f'print("waiting", flush=True); made.step([0]) if {doing == "step"} else time.sleep(60)'
    )
    path = os.pathsep.join([str(HERE.parent), str(HERE.parent.parent), os.environ.get('PYTHONPATH', '')])
    parent = subprocess.Popen(
        [sys.executable, '-c', code], stdout=subprocess.PIPE, text=True, env={**os.environ, 'PYTHONPATH': path}
    )
    lines = [parent.stdout.readline()]
    while 'waiting' not in lines[-1] or (doing == 'step' and 'wrong' not in lines[-1]):
        lines.append(parent.stdout.readline())
        assert lines[-1], lines
        if 'wrong' in lines[-1]:
            break
    parent.kill()
    parent.communicate()
    assert goes(pid_of(lines))


def test_worker_is_written_for_python_3_6():
    ast.parse(Path(worker.__file__).read_text(), feature_version=(3, 6))
