# SPDX-License-Identifier: Apache-2.0
"""What the file leaves open comes from the run; what it says otherwise is told."""

import math

from control.spec_bench import control
from nodes.harness import parameters
from nodes.stepper_bench import flat
import pytest
import torch

from rl_policy_node.control.control_options import ClipOptions
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.loading import completed, load_policy
from rl_policy_node.policy.contract.facts import Fact, Facts

RUN = Facts(
    control_rate=Fact(50.0, '1 / task.sim.dt'),
    clip_observations=Fact(5.0, 'task.env.clipObservations'),
    clip_actions=Fact(1.0, 'task.env.clipActions'),
)
OPEN = {'control_rate': None, 'clips': ClipOptions()}


def test_what_the_file_leaves_open_comes_from_the_run():
    told = []
    made = completed(control(**OPEN), RUN, told.append)
    assert (made.timing.control_rate, made.clips.clip_observations, made.clips.clip_actions) == (50.0, 5.0, 1.0)
    assert told[0] == 'control_rate 50, from the run: 1 / task.sim.dt' and len(told) == 3


def test_what_neither_tells_is_no_clip_and_no_rate():
    made = completed(control(**{**OPEN, 'control_rate': 20.0}), Facts(), pytest.fail)
    assert (made.clips.clip_observations, made.clips.clip_actions) == (math.inf, math.inf)
    with pytest.raises(ConfigurationError, match="'control_rate' is missing, and the run's files do not tell it"):
        completed(control(**OPEN), Facts(), pytest.fail)


def test_what_the_file_says_counts_and_is_told_where_the_run_says_otherwise():
    warned = []
    clips = ClipOptions(clip_observations=5.0, clip_actions=math.inf)
    made = completed(control(control_rate=25.0, clips=clips), RUN, pytest.fail, warned.append)
    assert (made.timing.control_rate, made.clips.clip_observations, made.clips.clip_actions) == (25.0, 5.0, math.inf)
    assert warned == [
        'control_rate is 25; the run was trained with 50 (1 / task.sim.dt)',
        'clip_actions is inf; the run was trained with 1 (task.env.clipActions)',
    ]


def test_each_input_is_clipped_as_the_run_says():
    each = Facts(control_rate=RUN.control_rate, clip_inputs=Fact({'obs': 12.0, 'states': 3.0}, 'task.env.clip'))
    told, warned = [], []
    made = completed(control(**OPEN), each, told.append, warned.append)
    assert (made.clips.clip_observations, made.clips.clip_inputs) == (math.inf, {'obs': 12.0})
    assert 'clip_inputs obs 12, from the run: task.env.clip' in told
    assert warned[0].startswith("the run clips states (task.env.clip), which are none of the inputs ['obs']")
    own = {**OPEN, 'clips': ClipOptions(clip_inputs={'obs': 4.0})}
    stated = completed(control(**own), each, told.append, warned.append)
    assert stated.clips.clip_inputs == {'obs': 4.0}
    common = {**OPEN, 'clips': ClipOptions(clip_observations=5.0)}
    assert not completed(control(**common), each, told.append).clips.clip_inputs


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize('count', [1, 2])
def test_policy_is_computed_by_as_many_threads_as_the_file_states(run, threads, count):
    torch.set_num_threads(3)
    load_policy(configuration(flat(parameters(run, **{'policy.threads': count}))))
    assert torch.get_num_threads() == count
