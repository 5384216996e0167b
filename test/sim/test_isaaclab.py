# SPDX-License-Identifier: Apache-2.0
"""Isaac Lab's tasks behind the bridge: what a run says of its task; and with Isaac Lab, the task itself."""

import math
import os
import shutil

import numpy as np
import pytest
from sim.isaaclab_runs import ASSETS, configured, lab_python, LEGGED, ROWS, RUNS, TASKS

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.simulator.hosting import open_environment
from rl_policy_node.nodes.simulator.isaaclab_run import run_task
from rl_policy_node.sim.isaaclab import _wrapped

RUN = RUNS / 'cartpole'


def test_the_run_says_task_settings_and_clips():
    spec = run_task(configured(RUN, device='cpu', options=['physics=newton_mjwarp', 'env.decimation=2']))
    assert spec.options == () and spec.rows == ROWS
    assert spec.simulator.arguments({}) == {
        'task': 'Isaac-Cartpole-Direct',
        'environment': str(RUN / 'params' / 'env.yaml'),
        'wrapper': {'clip_observations': 5.0, 'clip_actions': 1.0},
        'device': 'cpu',
        'headless': True,
        'overrides': ['physics=newton_mjwarp', 'env.decimation=2'],
    }


def test_changes_to_the_runs_configuration_change_the_clips():
    spec = run_task(configured(RUN, overrides=['params.env.clip_actions=0.5']))
    assert spec.isaaclab.wrapper['clip_actions'] == 0.5


@pytest.mark.parametrize(
    'stated, arguments',
    [
        ({}, (math.inf, math.inf)),
        ({'clip_observations': 5.0, 'clip_actions': 1.0, 'concate_obs_groups': True}, (5.0, 1.0)),
        ({'obs_groups': {'obs': ['policy']}}, (math.inf, math.inf, {'obs': ['policy']}, True)),
        (
            {'obs_groups': {'obs': ['policy']}, 'concate_obs_groups': False},
            (math.inf, math.inf, {'obs': ['policy']}, False),
        ),
        ({'concate_obs_groups': False}, (math.inf, math.inf, None, False)),
    ],
)
def test_isaac_labs_wrapper_is_told_of_groups_where_either_setting_is_stated(stated, arguments):
    """As its from_agent_cfg does; wrappers of 2.0 and 2.1 take clips alone."""
    assert _wrapped(lambda *given: given, 'task', 'cpu', stated) == ('task', 'cpu', *arguments)


def test_a_run_without_a_manifest_needs_the_name_of_the_task(tmp_path):
    shutil.copytree(RUN / 'params', tmp_path / 'params')
    with pytest.raises(ConfigurationError, match='run.json is missing, which names the task; sim.id names it'):
        run_task(configured(tmp_path))
    assert run_task(configured(tmp_path, id='Isaac-Cartpole')).isaaclab.id == 'Isaac-Cartpole'


@pytest.mark.parametrize(
    'content, why', [('{', 'is no JSON'), ('[]', "has no 'task'"), ('{"version": 1}', "has no 'task'")]
)
def test_a_manifest_that_names_no_task_is_refused(tmp_path, content, why):
    shutil.copytree(RUN, tmp_path, dirs_exist_ok=True)
    (tmp_path / 'run.json').write_text(content)
    with pytest.raises(ConfigurationError, match=why):
        run_task(configured(tmp_path))


def test_a_run_of_another_framework_is_refused(tmp_path):
    shutil.copy(RUN / 'params' / 'agent.yaml', tmp_path / 'train.yaml')
    with pytest.raises(ConfigurationError, match='no env.yaml beside .*train.yaml; expected the params/'):
        run_task(configured(tmp_path / 'train.yaml'))


def test_a_python_without_isaac_lab_is_told():
    with pytest.raises(ConfigurationError, match='has no isaaclab; sim.python names the interpreter that has it'):
        open_environment(configured(RUN))


@pytest.mark.lab
def test_a_task_of_ones_own_comes_by_its_module_with_raw_state():
    environment = open_environment(
        configured(
            RUNS / 'legged',
            id=LEGGED,
            device='cpu',
            options=['env.observations.policy.enable_corruption=false'],
            python=lab_python(),
            python_path=[str(TASKS)],
            python_variables=[f'ISAACSIM_ASSET_ROOT={ASSETS}', f'HOME={os.environ["HOME"]}'],
            start_timeout=900.0,
            step_timeout=60.0,
        )
    )
    try:
        environment.reset()
        observations, *_ = environment.step(np.full((ROWS, environment.num_actions), 0.5, np.float32))
        raw, robot = environment.raw, environment.scene['articulations']['robot']
        np.testing.assert_allclose(
            raw['targets/robot/position'], np.tile(np.float32(robot['default']) + 0.125, (ROWS, 1)), atol=1e-6
        )
        np.testing.assert_allclose(
            raw['joints/robot/position'] - np.float32(robot['default']), observations['obs'][:, 12:24], atol=1e-6
        )
        assert raw['bodies'].shape == (ROWS, len(environment.scene['bodies']), 13)
    finally:
        environment.close()
