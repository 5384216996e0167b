# SPDX-License-Identifier: Apache-2.0
"""Loads the policy of a configuration; values that the file leaves open come from the run."""

from collections.abc import Callable
import dataclasses
import math
from typing import Any

from rl_policy_node.control.distribution import Moments
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.policy import Policy, set_threads
from rl_policy_node.policy.contract.facts import Fact, Facts
from rl_policy_node.policy.run.trained_run import TrainedRun


def load_policy(configuration: Configuration) -> Policy:
    """Return the Policy of a Configuration, one row for each robot; this thread computes with as many as it states."""
    spec, computing = configuration.policy, configuration.policy.computing
    set_threads(computing.threads)
    return Policy.load(
        spec.train_config,
        spec.checkpoint,
        spaces=spec.spaces,
        rows=configuration.control.rows,
        device=spec.device,
        backend=computing.backend,
        threads=computing.threads,
        tolerance=computing.tolerance,
        providers=computing.onnx_providers,
        overrides=spec.overrides,
        sigma=spec.sigma,
        deterministic=spec.deterministic,
        checkpoint_sha256=spec.checkpoint_sha256,
        plugins=spec.plugins,
        allow_untrusted_pickle=spec.allow_untrusted_pickle,
    )


def trained_moments(policy: Policy, control: ControlSpec) -> dict[str, Moments]:
    """Return input → Moments of a policy's training; raises ConfigurationError if ood needs them and none exist."""
    moments = {name: Moments(mean, std) for name, (mean, std) in policy.moments().items()}
    if not moments and control.ood.action != 'warn':
        raise unfit(
            'ood.action',
            f'{control.ood.action}, and the policy has no running mean and variance of its '
            'inputs (params.config.normalize_input) to compare with',
            'warn',
        )
    return moments


def completed(
    control: ControlSpec, facts: Facts, say: Callable[[str], object], warn: Callable[[str], object] | None = None
) -> ControlSpec:
    """Return a ControlSpec completed from the run's Facts.

    say(text) logs each value taken and its origin, warn(text) each difference between file and run. Raises
    ConfigurationError if neither states the control rate.
    """
    stated_ones = {
        'control_rate': control.timing.control_rate,
        'clip_observations': control.clips.clip_observations,
        'clip_actions': control.clips.clip_actions,
    }
    found: dict[str, Any] = {}
    for name, stated in stated_ones.items():
        otherwise, fact = None if name == 'control_rate' else math.inf, facts.known().get(name)
        if stated is None and fact is None and otherwise is None:
            raise ConfigurationError(f"parameter '{name}' is missing, and the run's files do not tell it")
        if stated is None:
            found[name] = otherwise if fact is None else fact.value
            if fact is not None:
                say(f'{name} {fact.value:g}, from the run: {fact.source}')
        elif fact is not None and abs(stated - fact.value) > 0.01 * fact.value:
            (warn or say)(f'{name} is {stated:g}; the run was trained with {fact.value:g} ({fact.source})')
    if control.clips.clip_observations is None and facts.clip_inputs is not None:
        clips = _clip_inputs(control, facts.clip_inputs, say, warn or say)
        found['clip_inputs'] = {**clips, **control.clips.clip_inputs}
    timing = {'control_rate': found.pop('control_rate')} if 'control_rate' in found else {}
    return dataclasses.replace(
        control, timing=dataclasses.replace(control.timing, **timing), clips=dataclasses.replace(control.clips, **found)
    )


def _clip_inputs(
    control: ControlSpec, fact: Fact, say: Callable[[str], object], warn: Callable[[str], object]
) -> dict[str, float]:
    """Return input → the clip that the run states for it."""
    clips = {name: bound for name, bound in fact.value.items() if name in control.inputs}
    if clips:
        listed = ', '.join(f'{name} {bound:g}' for name, bound in clips.items())
        say(f'clip_inputs {listed}, from the run: {fact.source}')
    others = sorted(set(fact.value) - set(clips))
    if others:
        warn(
            f'the run clips {", ".join(others)} ({fact.source}), which are none of the inputs {list(control.inputs)}: '
            'say with policy.clip_inputs or policy.clip_observations what holds for these'
        )
    return clips


def run_rate(configuration: Configuration) -> float | None:
    """Return the control rate (Hz), from the run's files if need be; raises ConfigurationError if none is stated."""
    run = TrainedRun.read(configuration.policy.train_config, None, configuration.policy.overrides)
    return completed(configuration.control, run.facts, lambda text: None).timing.control_rate
