# SPDX-License-Identifier: Apache-2.0
"""`rl_policy replay`: the verdict on a bag, and what another policy would have done."""

import io
import json

from nodes.harness import tiny_run
from nodes.replay_bench import eventful, flipped, MemoryBag, Recorded
import numpy as np
import pytest
from rich.console import Console
import torch

from rl_policy_node.core.recording import Command, Message
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.tools.replay.recorded_configuration import Changes
from rl_policy_node.tools.replay.replay_bag import Files, replay


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return tiny_run(tmp_path_factory.mktemp('replayed'))


@pytest.fixture(scope='module')
def recorded(run):
    return eventful(Recorded(run, options={'deterministic': False}, every=30))


def printed(bag, changes=None, files=None):
    """Replay; return whether all is well, and what was printed."""
    out = io.StringIO()
    good = replay(bag, changes or Changes(), files or Files(), Console(file=out, width=200))
    return good, out.getvalue()


def test_a_bag_without_changes_replays_equal(recorded, tmp_path):
    good, text = printed(recorded.bag(), files=Files(str(tmp_path / 'a.json'), str(tmp_path / 'a.npz')))
    assert good and ' steps, all equal bit for bit (' in text and 'replayed in' in text
    verdict = json.loads((tmp_path / 'a.json').read_text())
    assert verdict['differing'] == 0 and verdict['steps'] > 60 and verdict['messages'] > 60
    arrays = np.load(tmp_path / 'a.npz')
    np.testing.assert_array_equal(arrays['recorded.arm.position'], arrays['replayed.arm.position'])
    assert arrays['recorded.actions'].shape == (verdict['steps'], 2, 3)


def test_the_first_difference_is_named_and_is_an_error(recorded):
    bag, weights = recorded.bag(), recorded.run / 'policy.pth'
    kept = weights.read_bytes()
    try:
        content = torch.load(weights, weights_only=True)
        name = 'a2c_network.mu.weight'
        content['model'][name] = torch.from_numpy(flipped(content['model'][name].numpy(), (1, 2), bit=20))
        torch.save(content, weights)
        good, text = printed(bag)
    finally:
        weights.write_bytes(kept)
    assert not good and 'has changed since the recording' in text
    assert 'The first: step 1, actions, row 0, number 1: recorded ' in text


def test_a_published_message_that_differs_is_named(recorded):
    bag = recorded.bag()
    index = [index for index, event in enumerate(bag.kept) if isinstance(event, Command)][5]
    payload = bytearray(bag.kept[index].payload)
    payload[-3] ^= 1
    bag.kept[index] = bag.kept[index]._replace(payload=bytes(payload))
    good, text = printed(bag)
    assert not good and '1 differences' in text and 'message of arm, topic 1' in text


def test_another_checkpoint_is_shown_side_by_side(recorded, tmp_path):
    (tmp_path / 'other').mkdir()
    other = torch.load(recorded.run / 'policy.pth', weights_only=True)
    other['model']['a2c_network.mu.bias'] += torch.tensor([0.0, 0.0, 0.25])
    torch.save(other, tmp_path / 'other.pth')
    file = tmp_path / 'b.json'
    good, text = printed(
        Recorded(recorded.run).begin().live(20).bag(), Changes(str(tmp_path / 'other.pth')), Files(str(file))
    )
    assert good and 'steps side by side' in text and 'arm.position' in text
    numbers = {(each['what'], each['number']): each for each in json.loads(file.read_text())['side_by_side']['numbers']}
    assert numbers['actions', 0]['largest'] == numbers['actions', 1]['largest'] == 0.0
    assert 0.2 < numbers['actions', 2]['mean'] <= numbers['actions', 2]['largest'] < 0.3
    assert numbers['arm.position', 2]['largest'] == pytest.approx(0.125, abs=1e-3)
    assert numbers['arm.position', 2]['name'] == 'wrist'


def test_another_backend_does_nearly_the_same(recorded):
    pytest.importorskip('onnxruntime')
    good, text = printed(Recorded(recorded.run).begin().live(10).bag(), Changes(backend='onnx'))
    assert good and '10 steps side by side' in text


def test_another_scale_changes_the_commands_and_not_the_actions(recorded, tmp_path):
    bag = Recorded(recorded.run).begin().live(10).bag()
    file = tmp_path / 'c.json'
    printed(bag, Changes(settings=('actions.arm.scale=[0.25]',)), Files(str(file)))
    numbers = {(each['what'], each['number']): each for each in json.loads(file.read_text())['side_by_side']['numbers']}
    assert numbers['actions', 0]['largest'] == 0.0 < numbers['arm.position', 0]['largest']


def test_what_cannot_be_replayed_says_so(recorded):
    bag = recorded.bag()
    with pytest.raises(ConfigurationError, match='no step that can be replayed'):
        printed(MemoryBag(bag.metadata, [event for event in bag.kept if isinstance(event, Message)]))
    with pytest.raises(ConfigurationError, match='without the parameters'):
        printed(MemoryBag({}, bag.kept))
    gone = {**bag.metadata, 'checkpoint': {'path': '/gone/policy.pth', 'sha256': ''}}
    with pytest.raises(
        ConfigurationError, match="'/gone/policy.pth', is not there; bring it back, or name another with --checkpoint"
    ):
        printed(MemoryBag(gone, bag.kept))
