# SPDX-License-Identifier: Apache-2.0
"""Keys that change the play and that nobody reads: told, and samples refused."""

import numpy as np
from policy import small_runs
import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy import Policy, Spaces
from rl_policy_node.policy.run.ignored_keys import appended, ignored_keys, warning
from rl_policy_node.policy.summary import summarize

NEWER = {
    'network': {
        'space': {'continuous': {**small_runs.CONTINUOUS, 'sigma_parametrization': 'softplus', 'min_sigma': 0.2}}
    },
    'config': {'expl_type': 'mixed_expl'},
}
NAMES = (
    'params.network.space.continuous.sigma_parametrization',
    'params.network.space.continuous.min_sigma',
    'params.config.expl_type',
)


def write(folder, **changes):
    return small_runs.write(folder / 'train.yaml', {'params': small_runs.params(**changes)})


def test_config_that_rl_games_knows_has_none():
    assert ignored_keys(small_runs.params(network={'rnn': small_runs.LSTM, 'separate': True})) == ()
    assert ignored_keys(small_runs.params(**small_runs.SAC)) == ()


def test_names_of_the_user_are_no_keys():
    assert (
        ignored_keys(
            small_runs.params(
                network={
                    'inputs': {'my_own_name': None},
                    'mlp': {'initializer': {'name': 'default', 'my_own_argument': 1}},
                }
            )
        )
        == ()
    )
    preprocessors = {'my_own_name': {'cnn': {'convs': [], 'squeeze_it': True}}}
    assert ignored_keys(small_runs.params(network={'input_preprocessors': preprocessors})) == (
        'params.network.input_preprocessors.my_own_name.cnn.squeeze_it',
    )


def test_keys_that_are_switched_off_do_not_matter():
    assert ignored_keys(small_runs.params(config={'expl_type': 'none'}, network={'new_thing': False})) == ()


def test_what_a_plug_in_reads_is_not_ignored(tmp_path):
    plugin = tmp_path / 'mine.py'
    plugin.write_text("def build(params):\n    return params['new_thing']\n")
    params = small_runs.params(network={'new_thing': True})
    assert ignored_keys(params) == ('params.network.new_thing',) and ignored_keys(params, [str(plugin)]) == ()


def test_mean_is_played_with_a_warning_and_samples_are_refused(tmp_path):
    file, spaces = write(tmp_path, **NEWER), Spaces((6,), 2)
    (warning,) = Policy.load(file, spaces=spaces, device='cpu').warnings
    assert all(name in warning for name in NAMES)
    with pytest.raises(
        ConfigurationError,
        match=f'policy.deterministic is false, and the installed rl_games does not read {", ".join(NAMES)}: ',
    ) as refused:
        Policy.load(file, spaces=spaces, device='cpu', deterministic=False)
    assert '\n' not in str(refused.value)
    # as the refusal says
    without = Policy.load(
        file, spaces=spaces, device='cpu', deterministic=False, overrides=[f'~{name}' for name in NAMES]
    )
    assert without.warnings == ()


def test_summary_tells_them(tmp_path):
    write(tmp_path, **NEWER)
    assert any(NAMES[0] in line and 'are refused' in line for line in summarize(tmp_path / 'train.yaml').decisions)


SAPG = {'mixed_expl': 32, 'mixed_expl_learn_param': 1, 'mixed_expl_disjoint': 0, 'simple': 0}


@pytest.mark.parametrize('kind', SAPG)
def test_numbers_that_sapg_appends_to_the_observation_are_told(kind):
    config = {'expl_type': kind}
    told = warning(('params.config.expl_type',), small_runs.params(config=config))
    assert (f'SAPG appends {SAPG[kind]} ' in told) == (SAPG[kind] > 0) == ('of kind constant' in told)
    assert ('SAPG appends 16 numbers' in appended({'config': {**config, 'expl_reward_coef_embd_size': 16}})) == (
        SAPG[kind] == 32
    )


def test_run_of_sapg_says_why_its_sizes_disagree_and_plays_with_its_code_as_a_constant(tmp_path):
    config = {'name': 'Mine', 'expl_type': 'mixed_expl'}
    task = {'name': 'Mine', 'env': {'numObservations': 6, 'numActions': 2}}
    file = small_runs.write(
        tmp_path / 'config.yaml', {'task': task, 'train': {'params': small_runs.params(config=config)}}
    )
    whole = ['task.env.numObservations=38']
    model = Policy.load(file, overrides=whole, device='cpu').player.model.state_dict()
    torch.save({'model': model}, tmp_path / 'Mine.pth')
    with pytest.raises(ConfigurationError, match=r'says \(6,\), .* says \(38,\).*SAPG appends 32 numbers'):
        Policy.load(tmp_path, device='cpu')
    assert Policy.load(tmp_path, overrides=whole, device='cpu').act(np.zeros((1, 38), np.float32)).shape == (1, 2)


def test_a_key_that_is_no_text_is_a_key_like_others():
    assert ignored_keys(small_runs.params(network={'mlp': {'units': [8], True: 1}})) == ('params.network.mlp.True',)
