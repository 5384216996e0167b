# SPDX-License-Identifier: Apache-2.0
"""Points in which rl_games' player, its training and this package may differ, and the choice for this policy."""

from collections.abc import Iterator, Sequence
import math

from rl_policy_node.policy.run import ignored_keys
from rl_policy_node.policy.summary.reading import Reading
from rl_policy_node.policy.summary.record import Actions, Network, Observation


def decisions(
    reading: Reading, observations: Sequence[Observation], actions: Actions, network: Network
) -> tuple[str, ...]:
    """Return one line for each decision that concerns this policy."""
    params = reading.run.config.params
    ignored = ignored_keys.warning(reading.run.ignored, params) if reading.run.ignored else ''
    return tuple(
        line
        for line in (
            ignored and f'samples (policy.deterministic: false) are refused: {ignored}',
            *_of_model(params['algo']['name'], params['model']['name'], actions),
            *_of_bounds(actions),
            *_of_config(reading, actions, network),
            *_of_statistics(observations),
        )
        if line
    )


def _of_model(algo: str, model: str, actions: Actions) -> Iterator[str]:
    if algo == 'sac' and actions.low and actions.high and (actions.low.value, actions.high.value) != (-1.0, 1.0):
        yield (
            "actions are rescaled to their bounds as SAC's training did; rl_games 1.6's own player only clamps "
            'them, and would never leave ±1'
        )
    if model == 'continuous_a2c_tanh':
        clamped = ' clamped to ±1' if actions.clip and actions.clip.value else ''
        yield (
            f'the deterministic action is the mean{clamped}, as rl_games plays it; training squashed its samples '
            'by tanh'
        )
    if model == 'continuous_a2c':
        yield 'rl_games 1.6 cannot play continuous_a2c; this package plays the distribution that it was trained with'
    if algo == 'amp_continuous':
        yield 'AMP plays as PPO does: the discriminator is of use in training only'


def _of_bounds(actions: Actions) -> Iterator[str]:
    if actions.high is None or actions.clip is None:
        return  # choices
    infinite = not math.isfinite(actions.high.value)
    if infinite and actions.clip.value:
        yield (
            'rl_games would rescale the actions to infinite bounds, which gives NaN: refused until the bounds of '
            'training are stated, or clip_actions is false as in training'
        )
    elif infinite:
        yield 'nothing bounds the actions, neither rl_games nor the environment: the robot side has to'
    bound = actions.environment_clip.value if actions.environment_clip else math.inf
    if not actions.clip.value and math.isfinite(bound):
        yield f'rl_games does not clip the actions; the environment did, at ±{bound:g}, and the robot side has to'


def _of_config(reading: Reading, actions: Actions, network: Network) -> Iterator[str]:
    params = reading.run.config.params
    if network.central_value is not None:
        yield (
            'a critic with inputs of its own (central value) was trained beside the policy; it is not played, so '
            'the robot need not measure them'
        )
    if not actions.deterministic.value:
        yield 'the run plays samples; the node acts on the mean unless policy.deterministic is false'
    factor = (params['network'].get('mlp') or {}).get('model_size_multiplier', 1)
    if factor != 1:
        yield f"the MLP's units are multiplied by {factor} (model_size_multiplier), as IsaacGymEnvs' training does"
    checkpoint = reading.run.checkpoint
    if checkpoint is not None and checkpoint.algorithm == 'ppo' and checkpoint.beside_model:
        yield 'the input statistics are those beside the model, as rl_games restores old checkpoints'


def _of_statistics(observations: Sequence[Observation]) -> Iterator[str]:
    """Numbers that training never saw move: the normaliser blows up what a robot makes of them."""
    names = [
        term.name
        for observation in observations
        for term in observation.terms or (observation,)
        if term.statistics is not None and term.statistics.still
    ]
    if names:
        yield (
            f'{", ".join(names)}: has numbers that never moved in training; give the robot the values of training '
            '(the mean), since the normaliser takes 0.016 beside it for its utmost, ±5'
        )
