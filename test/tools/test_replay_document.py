# SPDX-License-Identifier: Apache-2.0
"""What docs/how-to/replay.md shows is what comes out, and its Python runs."""

import io
from pathlib import Path
import re

from core.core_bench import Log
from nodes.harness import tiny_run
from nodes.replay_bench import flipped, Recorded
from nodes.stepper_bench import flat
import pytest
from rich.console import Console
from tools.topic_bags import live, TopicBag
import torch

from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.tools.replay.recorded_configuration import Changes
from rl_policy_node.tools.replay.replay_bag import Files, replay
from rl_policy_node.tools.replay.replay_topics import replay_topics

TEXT = (Path(__file__).parents[2] / 'docs' / 'how-to' / 'replay.md').read_text('utf-8')
EQUAL, DIFFERENT, OTHER, TOPICS = (
    block.split('\n', 1)[1] for block in re.findall(r'```console\n(.*?)```', TEXT, re.DOTALL)
)
(PYTHON,) = re.findall(r'```python\n(.*?)```', TEXT, re.DOTALL)


@pytest.fixture
def recorded(tmp_path):
    run = tiny_run(tmp_path)
    return Recorded(run, every=15).begin().live(40)


def masked(text):
    """Return a text without its numbers, paths and columns."""
    text = re.sub(r'\S+\.pth', 'FILE', text)
    text = re.sub(r'sha256 was \w+', 'sha256 was N', text)
    return re.sub(r' +', ' ', re.sub(r'-?\d+(\.\d+)?(e-\d+)?', 'N', text)).strip()


def printed(bag, changes=None):
    out = io.StringIO()
    replay(bag, changes or Changes(), Files(), Console(file=out, width=200))
    return '\n'.join(line.rstrip() for line in out.getvalue().splitlines())


def test_a_replay_prints_what_the_document_shows(recorded):
    assert masked(printed(recorded.bag())) == masked(EQUAL)


def test_a_changed_weight_is_named_as_the_document_shows(recorded):
    bag, file = recorded.bag(), recorded.run / 'policy.pth'
    content = torch.load(file, weights_only=True)
    weight = content['model']['a2c_network.mu.weight']
    content['model']['a2c_network.mu.weight'] = torch.from_numpy(flipped(weight.numpy(), (1, 2), bit=20))
    torch.save(content, file)
    assert masked(printed(bag)) == masked(DIFFERENT)


def test_another_policy_is_shown_as_the_document_shows(recorded):
    content = torch.load(recorded.run / 'policy.pth', weights_only=True)
    content['model']['a2c_network.mu.bias'] += torch.tensor([0.0, 0.0, 0.25])
    torch.save(content, recorded.run / 'newer.pth')
    assert masked(printed(recorded.bag(), Changes(str(recorded.run / 'newer.pth')))) == masked(OTHER)


def test_a_bag_of_topics_is_run_as_the_document_shows(tmp_path):
    bench, out = live(tiny_run(tmp_path), 29, trigger='observation'), io.StringIO()
    replay_topics(TopicBag(bench), flat(bench.tree), Changes(), console=Console(file=out, width=200))
    assert masked('\n'.join(map(str.rstrip, out.getvalue().splitlines()))) == masked(TOPICS)


def test_the_python_of_the_document_runs(recorded):
    def sources():
        shapes = recorded.policy().spaces.inputs
        return {name: Source(spec, recorded.control, shapes) for name, spec in recorded.control.sources.items()}

    def live(cycle):
        recorded.cycle, recorded.inbox, recorded.sources = cycle, cycle.inbox, names['sources']
        recorded.begin().live(20)

    names = {
        'control': recorded.control,
        'policy': recorded.policy(),
        'again': recorded.policy(),
        'sources': sources(),
        'readers': sources(),
        'publish': lambda *_: None,
        'clock': recorded,
        'log': Log(),
        'live': live,
    }
    exec(PYTHON, names)
    assert len(names['journal'].events) > 60 and names['other'].stepper.rows.healthy.all()
