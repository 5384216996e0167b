# SPDX-License-Identifier: Apache-2.0
"""Recognise the files of other training frameworks, whose policies this package does not deploy."""

from collections.abc import Collection, Iterator, Mapping, Set

DEPLOYED = 'this package deploys policies of rl_games'

# Framework, keys that stand together in its checkpoints alone. Where they come from:
#   alex-petrenko/sample-factory: sample_factory/algo/learning/learner.py, Learner._get_checkpoint_dict
#   leggedrobotics/rsl_rl: rsl_rl/runners/on_policy_runner.py, save; from 4.0 on rsl_rl/algorithms/ppo.py, PPO.save
#   Toni-SM/skrl: skrl/agents/torch/base.py, Agent.write_checkpoint, with the names in checkpoint_modules of each agent
_CHECKPOINTS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (framework, frozenset(keys))
    for framework, keys in (
        ('Sample Factory', ('model', 'train_step', 'env_steps')),
        ('rsl_rl', ('model_state_dict',)),
        ('rsl_rl', ('actor_state_dict',)),
        ('Lightning', ('pytorch-lightning_version',)),
        ('diffusion_policy', ('state_dicts',)),
        ('skrl', ('policy',)),
        ('Stable-Baselines3', ('mlp_extractor.policy_net.0.weight',)),
        ('CleanRL', ('actor_mean.0.weight',)),
    )
)
# Framework, names of weights in its models alone, with or without the file around them:
#   Sample Factory: sample_factory/model/action_parameterization.py
#   skrl: skrl/utils/model_instantiators/torch/gaussian.py, of models that are stored separately
#   rsl_rl: rsl_rl/modules/actor_critic.py
_WEIGHTS: tuple[tuple[str, frozenset[str]], ...] = (
    ('Sample Factory', frozenset({'action_parameterization.distribution_linear.weight'})),
    ('skrl', frozenset({'log_std_parameter'})),
    ('rsl_rl', frozenset({'actor.0.weight', 'critic.0.weight', 'std'})),
    ('rsl_rl', frozenset({'actor.0.weight', 'critic.0.weight', 'log_std'})),
)
_OWN = ('a2c_network.', '_orig_mod.')
# Framework, keys at the top of the agent.yaml that Isaac Lab writes for it (isaac-sim/IsaacLab):
#   source/isaaclab_rl/isaaclab_rl/rsl_rl/rl_cfg.py, RslRlOnPolicyRunnerCfg; agents/skrl_ppo_cfg.yaml of its tasks
_CONFIGS: tuple[tuple[str, frozenset[str]], ...] = (
    ('rsl_rl', frozenset({'algorithm', 'num_steps_per_env'})),
    ('skrl', frozenset({'agent', 'models'})),
)


def framework_of_checkpoint(content: Mapping[object, object]) -> str:
    """Return the framework that wrote a checkpoint, by its keys and those of its model; '' where none is known."""
    if 'model' not in content:
        return next(_found((*_CHECKPOINTS, *_WEIGHTS), set(content)), '')
    model = content['model']
    names = {str(name) for name in model} if isinstance(model, Mapping) else set[str]()
    # rl_games' own files, too, have a `model`, and whatever a fork keeps beside it
    if any(name.startswith(_OWN) for name in names):
        return ''
    return next(_found(_CHECKPOINTS[:1], set(content)), '') or next(_found(_WEIGHTS, names), '')


def framework_of_config(names: Collection[object]) -> str:
    """Return the framework that a configuration is for, by the names at its top; '' where none is known."""
    return next(_found(_CONFIGS, set(names)), '')


def _found(known: tuple[tuple[str, frozenset[str]], ...], keys: Set[object]) -> Iterator[str]:
    return (framework for framework, needed in known if needed <= keys)
