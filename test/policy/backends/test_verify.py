# SPDX-License-Identifier: Apache-2.0
"""A backend that acts otherwise than rl_games' player is found out, whatever it does otherwise."""

import re

import numpy as np
from policy.backends.small_policies import load
import pytest
import torch

from rl_policy_node.policy import Spaces
from rl_policy_node.policy.backends import choice
from rl_policy_node.policy.backends.eager import EagerBackend
from rl_policy_node.policy.backends.export import export
from rl_policy_node.policy.backends.onnx import OnnxBackend
from rl_policy_node.policy.backends.player_step import Step
from rl_policy_node.policy.backends.verify import _distance, difference

RECURRENT = ('lstm', 'gru', 'dict')


class NeverHolds(EagerBackend):
    """Rows that are not fit see what they should not."""

    def act(self, observations, hold=None):
        return super().act(observations)


class HoldsAll(EagerBackend):
    """One row that is not fit keeps all others."""

    def act(self, observations, hold=None):
        return super().act(observations, None if hold is None else np.full(self.rows, np.any(hold)))


class NeverResets(EagerBackend):
    """Rows remember another episode."""

    def reset(self, rows=slice(None)):
        pass


class ResetsAll(EagerBackend):
    """The end of one row's episode is that of all."""

    def reset(self, rows=slice(None)):
        super().reset(slice(None) if len(self.indices(rows)) else [])


class Forgets(EagerBackend):
    """Acts as if every step were the first."""

    def act(self, observations, hold=None):
        self.reset()
        return super().act(observations, hold)


class RowsSwapped(EagerBackend):
    """Gives every row the action of another."""

    def act(self, observations, hold=None):
        return np.roll(super().act(observations, hold), 1, axis=0)


class NanAtLast(EagerBackend):
    """Gives what is not a number, once."""

    def restart(self):
        super().restart()
        self._acted = 0

    def act(self, observations, hold=None):
        actions, self._acted = super().act(observations, hold), self._acted + 1
        if self._acted == 6:
            actions[-1, 0] = np.nan
        return actions


class Clips(EagerBackend):
    """Clips observations to what those of the size of one never reach."""

    def act(self, observations, hold=None):
        return super().act(np.clip(observations, -7, 7), hold)


class Off(EagerBackend):
    """A little off."""

    by = 1e-6

    def act(self, observations, hold=None):
        return super().act(observations, hold) + np.float32(self.by)


class Wide(EagerBackend):
    def act(self, observations, hold=None):
        return super().act(observations, hold).astype(np.float64)


class Flat(EagerBackend):
    def act(self, observations, hold=None):
        return super().act(observations, hold).ravel()


@pytest.fixture
def pair(tmp_path):
    """Return a function: a backend's class → one of a policy of its own, and the reference."""
    loaded = {}

    def pair(kind, name, **options):
        key = name, str(options)
        if key not in loaded:
            loaded[key] = [load(tmp_path, name, **options) for _ in range(2)]
        return [
            each(policy.player, policy.backend.inputs, policy.deterministic)
            for each, policy in zip((kind, EagerBackend), loaded[key])
        ]

    return pair


@pytest.mark.parametrize('rows', [1, 2, 7])
@pytest.mark.parametrize('name', RECURRENT)
def test_backend_that_holds_or_resets_otherwise_is_found(pair, name, rows):
    kinds = [NeverHolds, NeverResets, Forgets] + [HoldsAll, ResetsAll, RowsSwapped] * (rows > 1)
    found = {kind.__name__: difference(*pair(kind, name, rows=rows)) for kind in kinds}
    assert all(apart > 1e-4 for apart in found.values()), found
    assert difference(*pair(EagerBackend, name, rows=rows)) == 0.0


@pytest.mark.parametrize('size', [1, 2, 3, 4, 5])
def test_single_row_is_held_and_reset_whatever_it_observes(tmp_path, size):
    """What is drawn for a trial depends on how many numbers are observed; what is tried may not."""
    policies = [load(tmp_path, 'lstm', rows=1, spaces=Spaces((size,), 2)) for _ in range(2)]
    for kind in (NeverHolds, NeverResets):
        backends = [each(policy.player, policy.backend.inputs) for each, policy in zip((kind, EagerBackend), policies)]
        assert difference(*backends) > 1e-4, kind


@pytest.mark.parametrize(
    'found, wanted, apart',
    [
        (np.inf, np.inf, 0.0),
        (np.nan, np.nan, 0.0),
        (np.inf, -np.inf, np.inf),
        (np.inf, np.nan, np.inf),
        (1.0, np.inf, np.inf),
        (3.0, 2.0, 0.5),
    ],
)
def test_what_is_no_number_is_equal_only_to_its_like(found, wanted, apart):
    assert _distance(*(np.array([0.25, value]) for value in (found, wanted))) == apart


def test_nan_in_one_of_them_is_infinitely_far(pair):
    assert difference(*pair(NanAtLast, 'lstm')) == np.inf == difference(*pair(NanAtLast, 'lstm')[::-1])


@pytest.mark.parametrize('kind', [Wide, Flat])
def test_actions_of_another_type_or_shape_are_infinitely_far(pair, kind):
    assert difference(*pair(kind, 'mlp')) == np.inf


@pytest.mark.parametrize('name', ['discrete', 'multi-discrete'])
def test_other_choices_are_infinitely_far(pair, name):
    assert difference(*pair(RowsSwapped, name)) == np.inf
    assert difference(*pair(EagerBackend, name)) == 0.0


def test_difference_is_that_of_the_worst_action(pair):
    assert difference(*pair(Off, 'mlp')) == pytest.approx(1e-6, rel=0.1)


def test_difference_of_large_actions_is_relative(tmp_path):
    policies = [load(tmp_path, 'not clipped') for _ in range(2)]
    for policy in policies:
        with torch.no_grad():
            policy.player.model.a2c_network.mu.bias.fill_(1000.0)
    off, eager = (kind(policy.player, policy.backend.inputs) for kind, policy in zip((Off, EagerBackend), policies))
    off.by = 0.5
    assert difference(off, eager) == pytest.approx(5e-4, rel=0.1)


def test_sampled_actions_are_compared_too(pair):
    assert difference(*pair(EagerBackend, 'mlp', deterministic=False)) == 0.0

    class OtherSeed(EagerBackend):
        def restart(self):
            super().restart()
            with self._stream:
                torch.randn(1)

    assert difference(*pair(OtherSeed, 'mlp', deterministic=False)) > 0.1


def test_observations_of_training_are_tried(pair):
    clips, eager = pair(Clips, 'mlp')
    assert difference(clips, eager) == 0.0
    for each in (clips, eager):
        each.player.model.running_mean_std.running_mean.fill_(100.0)
        each.player.model.running_mean_std.running_var.fill_(4.0)
    assert difference(clips, eager, {'obs': (np.full(5, 100.0), np.full(5, 4.0))}) > 1e-2


def test_both_are_as_new_before_and_after(pair):
    backends = pair(EagerBackend, 'lstm', deterministic=False)
    observations = np.ones((3, 5), np.float32)
    wanted = backends[1].act(observations)
    assert difference(*backends) == 0.0
    for each in backends:
        np.testing.assert_array_equal(each.act(observations), wanted)


@pytest.fixture
def offer(monkeypatch):
    """Return a function that has a backend offered as the ONNX one."""

    def offer(*makers):
        monkeypatch.setattr(choice, 'makers', lambda name, setup: [lambda make=make: make(setup) for make in makers])

    return offer


def of_class(kind, **attributes):
    def make(setup):
        backend = kind(setup.player, setup.inputs, setup.deterministic)
        vars(backend).update(attributes)
        return backend

    return make


def of_other_weights(setup):
    bias = setup.player.model.a2c_network.mu.bias
    before = bias.detach().clone()
    with torch.no_grad():
        bias.add_(0.01)
        exported = export(Step(setup.player, setup.inputs, setup.deterministic))
        bias.copy_(before)
    return OnnxBackend(exported, Step(setup.player, setup.inputs, setup.deterministic), setup.inputs)


@pytest.mark.parametrize('name', ['onnx', 'auto'])
def test_backend_of_other_weights_is_replaced_by_eager(tmp_path, offer, name):
    policy, reference = load(tmp_path, 'lstm'), load(tmp_path, 'lstm')
    offer(of_other_weights)
    policy.choose_backend(name)
    assert policy.fell_back and policy.backend.name == 'eager'
    told = r"backend onnx differs by (\S+) from rl_games' player, tolerance 1e-05; acting by eager, rl_games' player"
    assert 0.005 < float(re.fullmatch(told, policy.backend_report)[1]) < 0.015
    for step in range(3):
        observations = np.full((3, 5), step, np.float32)
        np.testing.assert_array_equal(policy.act(observations), reference.act(observations))


@pytest.mark.parametrize('kind, told', [(NanAtLast, 'differs by inf'), (Wide, 'differs by inf')])
def test_backend_that_gives_no_numbers_is_replaced_by_eager(tmp_path, offer, kind, told):
    policy = load(tmp_path, 'lstm')
    offer(of_class(kind))
    policy.choose_backend('onnx')
    assert policy.fell_back and type(policy.backend) is EagerBackend and told in policy.backend_report


def test_tolerance_decides(tmp_path, offer):
    policy = load(tmp_path, 'mlp')
    offer(of_class(Off))
    for tolerance, fell_back in ((1e-5, False), (1e-7, True), (0.0, True)):
        policy.choose_backend('onnx', tolerance=tolerance)
        assert policy.fell_back == fell_back and isinstance(policy.backend, Off) != fell_back
    assert 'tolerance 0;' in policy.backend_report
    offer(of_class(EagerBackend))
    policy.choose_backend('onnx', tolerance=0.0)
    assert not policy.fell_back and 'within 0.0e+00' in policy.backend_report


def test_second_way_is_tried_where_the_first_does_not_do(tmp_path, offer):
    policy = load(tmp_path, 'mlp')

    def broken(setup):
        raise RuntimeError('not a model')

    for first in (broken, of_class(NanAtLast)):
        offer(first, of_class(Off))
        policy.choose_backend('onnx')
        assert not policy.fell_back and isinstance(policy.backend, Off)
    offer(of_class(NanAtLast), broken)
    policy.choose_backend('onnx')
    assert policy.fell_back and 'cannot be had: RuntimeError: not a model' in policy.backend_report
