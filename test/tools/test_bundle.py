# SPDX-License-Identifier: Apache-2.0
"""A bundle is a parameter file with all that its policy needs: it works wherever its folder lies."""

import json
import shutil

from nodes.harness import parameters, tiny_run
import numpy as np
from policy import lab_runs
import pytest
from tools.runs import ANYMAL, fill, lab_run, write_run
import yaml

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.dry_run import read_file
from rl_policy_node.nodes.policy.loading import load_policy
from rl_policy_node.tools.bundle.bundle import bundle
from rl_policy_node.tools.check import check
from rl_policy_node.tools.init.init import init
from rl_policy_node.tools.main import main


def actions(file, steps=3):
    """Return what the policy of a parameter file does on the same observations."""
    policy, generator = load_policy(read_file(file)), np.random.default_rng(3)
    (shape,) = policy.spaces.inputs.values()
    return [policy.act(generator.normal(size=(1, *shape)).astype(np.float32)) for _ in range(steps)]


def written(file, tree):
    file.write_text(json.dumps({'/**': {'ros__parameters': tree}}))
    return file


def moved(tmp_path, monkeypatch, file, *originals):
    """Bundle a file, move the bundle, and delete the originals; return the file in the bundle."""
    bundle(file, tmp_path / 'made')
    shutil.move(tmp_path / 'made', tmp_path / 'robot' / 'else where')
    for each in originals:
        shutil.rmtree(each)
    (tmp_path / 'cwd').mkdir()
    monkeypatch.chdir(tmp_path / 'cwd')
    return tmp_path / 'robot' / 'else where' / file.name


@pytest.mark.slow
def test_a_moved_bundle_acts_bit_for_bit_and_passes_the_check(tmp_path, monkeypatch, capsys):
    run = write_run(tmp_path / 'run', ANYMAL)
    file = tmp_path / 'robot.yaml'
    init(run, file)
    fill(file)
    text = file.read_text().replace('name_0}', 'none}')
    file.write_text(text)
    expected = actions(file)
    there = moved(tmp_path, monkeypatch, file, run)
    np.testing.assert_array_equal(actions(there), expected)
    changed = [pair for pair in zip(text.splitlines(), there.read_text().splitlines(), strict=True) if len({*pair}) > 1]
    assert [new.strip() for _, new in changed] == ['train_config: run/config.yaml', 'checkpoint: run/nn/Run.pth']
    check(there)
    assert 'robot.yaml fits' in capsys.readouterr().out


def test_a_run_of_isaac_lab_comes_whole(tmp_path, monkeypatch):
    (tmp_path / 'run').mkdir()
    run = lab_run(tmp_path / 'run', lab_runs.env_text(["mine: {func: 'mine.mdp:hidden'}"]), 4, 4)
    (run / 'run.json').write_text('{"task": "Mine-v0"}')
    (run / 'summaries').mkdir()
    (run / 'summaries' / 'events').touch()
    init(run, tmp_path / 'robot.yaml')
    lines = bundle(tmp_path / 'robot.yaml', tmp_path / 'bundle')
    found = sorted(str(each.relative_to(tmp_path / 'bundle')) for each in (tmp_path / 'bundle').rglob('*.*'))
    assert found == [
        'robot.yaml',
        'run/last_Run_ep_3.pth',
        'run/params/agent.yaml',
        'run/params/env.yaml',
        'run/run.json',
    ]
    assert len(lines) == len(found)


@pytest.mark.parametrize('stated', ['best', None])
def test_a_checkpoint_that_the_file_leaves_to_the_run_comes_along(tmp_path, monkeypatch, stated):
    run = write_run(tmp_path / 'run', ANYMAL)
    shutil.copy(run / 'nn' / 'Run.pth', run / 'nn' / 'last_Run_ep_9.pth')
    tree = parameters(run)
    tree['policy'] = {'train_config': str(run), 'device': 'cpu', **({'checkpoint': stated} if stated else {})}
    there = moved(tmp_path, monkeypatch, written(tmp_path / 'robot.yaml', tree), run)
    assert [each.name for each in (there.parent / 'run' / 'nn').iterdir()] == ['Run.pth']
    assert load_policy(read_file(there)).checkpoint.path.name == 'Run.pth'


def test_a_configuration_in_hydras_tree_comes_with_its_tree(tmp_path, monkeypatch):
    run = write_run(tmp_path / 'run', ANYMAL)
    content, tree = yaml.safe_load((run / 'config.yaml').read_text()), tmp_path / 'cfg'
    for part, name in (('task', 'Anymal'), ('train', 'AnymalPPO')):
        (tree / part).mkdir(parents=True)
        (tree / part / f'{name}.yaml').write_text(yaml.safe_dump(content[part], sort_keys=False))
    root = {'num_envs': 64, 'defaults': ['_self_', {'task': 'Anymal'}, {'train': '${task}PPO'}]}
    (tree / 'config.yaml').write_text(yaml.safe_dump(root, sort_keys=False))
    (tree / 'notes.yaml').write_text('not: needed')
    changes = {'policy.train_config': 'cfg/train/AnymalPPO.yaml', 'policy.checkpoint': 'run/nn/Run.pth'}
    file = written(tmp_path / 'robot.yaml', parameters(run, **changes))
    expected = actions(file)
    there = moved(tmp_path, monkeypatch, file, run, tree)
    np.testing.assert_array_equal(actions(there), expected)
    assert not (there.parent / 'run' / 'notes.yaml').exists()


def test_plugin_files_come_along_and_what_does_not_is_told(tmp_path, monkeypatch):
    run = tiny_run(tmp_path)
    (tmp_path / 'mine.py').write_text('LOADED = True\n')
    changes = {
        'policy.plugins': ['json', 'mine.py'],
        'sim.config': '/elsewhere/run',
        'terms.own': {
            'kind': 'function',
            'function': 'my_robot.terms:squared',
            'source': 'joints',
            'field': 'position',
        },
    }
    lines = bundle(written(tmp_path / 'robot.yaml', parameters(run, **changes)), tmp_path / 'bundle')
    assert [line for line in lines if line.startswith('not in it')] == [
        "not in it: the Python module of 'policy.plugins', json",
        "not in it: the path of 'sim.config', /elsewhere/run",
        "not in it: the Python module of 'terms.own.function', my_robot.terms:squared",
    ]
    (tmp_path / 'mine.py').unlink()
    monkeypatch.chdir('/')
    assert read_file(tmp_path / 'bundle' / 'robot.yaml').policy.plugins == (
        'json',
        f'{tmp_path}/bundle/plugins/mine.py',
    )


def test_what_ships_with_the_package_stays_there(tmp_path, capsys):
    assert main(['bundle', 'package://rl_policy_node/config/insertion.yaml', str(tmp_path / 'bundle')]) == 0
    assert [each.name for each in (tmp_path / 'bundle').iterdir()] == ['insertion.yaml']
    assert f'then: rl_policy check {tmp_path}/bundle/insertion.yaml' in capsys.readouterr().out


def test_what_cannot_be_bundled_is_refused(tmp_path, monkeypatch):
    run = tiny_run(tmp_path)
    file = written(tmp_path / 'robot.yaml', parameters(run))
    with pytest.raises(ConfigurationError, match='is the folder of robot.yaml itself'):
        bundle(file, tmp_path, force=True)
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'robot.yaml').touch()
    with pytest.raises(ConfigurationError, match='full exists; --force writes into it'):
        bundle(file, tmp_path / 'full')
    bundle(file, tmp_path / 'full', force=True)
    assert read_file(tmp_path / 'full' / 'robot.yaml')
    for changes, words in (
        ({'policy.checkpoint': '???'}, 'have to be stated'),
        ({'policy.checkpoint': 'none.pth'}, "'policy.checkpoint' is 'none.pth'; expected a path that exists"),
        (
            {'policy': {'train_config': str(run / 'train.yaml'), 'plugins': ['a/mine.py', 'b/mine.py']}},
            'two files mine.py',
        ),
    ):
        for folder in 'ab':
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / 'mine.py').touch()
        with pytest.raises(ConfigurationError, match=words):
            bundle(written(tmp_path / 'other.yaml', parameters(run, **changes)), tmp_path / 'new')
    several = {'/**': {'ros__parameters': parameters(run)}, 'left': {'ros__parameters': {'policy.checkpoint': 'x.pth'}}}
    (tmp_path / 'other.yaml').write_text(json.dumps(several))
    with pytest.raises(ConfigurationError, match="states 'policy.checkpoint' for several nodes"):
        bundle(tmp_path / 'other.yaml', tmp_path / 'new')
    assert not (tmp_path / 'new').exists()
