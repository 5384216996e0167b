# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/reference/terms.md are configuration that works."""

from pathlib import Path
import re

from nodes.stepper_bench import deliver, flat
import numpy as np
import pytest
import yaml

from rl_policy_node.control.context import Context
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.dry_run import BEGIN
from rl_policy_node.nodes.topics.source import Source

TEXT = (Path(__file__).parents[2] / 'docs' / 'reference' / 'terms.md').read_text()
EXAMPLES = dict(zip(re.findall(r'^## (.*)$', TEXT, re.MULTILINE), re.findall(r'```yaml\n(.*?)```', TEXT, re.DOTALL)))
SHAPES = {
    'A legged robot': {'obs': (48,)},
    'An arm': {'obs': (22,)},
    'A hand with tactile fingertips': {
        'dof_pos': (2,),
        'left_tactile_camera_taxim': (8, 10, 3),
        'tactile_force_field_left': (4, 4, 3),
    },
}
ACTIONS = 12
# a command that needs no measurement
OTHERS = {
    'policy': {'train_config': 'x', 'clip_observations': 100.0},
    'actions': {
        'terms': ['a'],
        'a': {
            'kind': 'raw',
            'size': 12,
            'fallback_value': [0.0],
            'topic': 'a',
            'type': 'std_msgs/msg/Float64MultiArray',
        },
    },
}


@pytest.mark.parametrize('title', EXAMPLES)
def test_example_computes_inputs_of_the_trained_shapes(title):
    control = configuration(flat({**OTHERS, **yaml.safe_load(EXAMPLES[title])})).control
    sources = {name: Source(spec, control, SHAPES[title]) for name, spec in control.sources.items()}
    buffers = {name: each.buffer for name, each in sources.items()}
    observations = ObservationManager(
        control, SHAPES[title], buffers, {name: each.joints for name, each in sources.items()}, ACTIONS
    )
    rows = np.ones(1, dtype=bool)
    observations.tare(rows, activating=True)
    for number in range(10):
        for each in sources.values():
            deliver(each, 0, each.neutral_message(slice(0, 1), BEGIN), float(number))
        observations.feed_tare(buffers, rows)
    assert not observations.untared()
    inputs = observations.compute(buffers, Context.at_reset(1, ACTIONS))
    assert {name: value.shape[1:] for name, value in inputs.items()} == SHAPES[title]
    assert all(np.isfinite(value).all() for value in inputs.values())
