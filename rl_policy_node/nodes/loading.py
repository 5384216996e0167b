"""From a configuration to the policy it names; what the file leaves open, the run says."""
from collections.abc import Callable
import dataclasses
import math
from typing import Any

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters import Configuration
from rl_policy_node.policy import Policy
from rl_policy_node.policy.facts import Facts, read_facts
from rl_policy_node.policy.train_config import TrainConfig


def load_policy(configuration: Configuration) -> Policy:
    """Return the Policy of a Configuration, one row for each robot."""
    spec = configuration.policy
    return Policy.load(spec.train_config, spec.checkpoint, spaces=spec.spaces, rows=configuration.control.rows,
                       device=spec.device, backend=spec.backend, threads=spec.threads, tolerance=spec.tolerance,
                       providers=spec.onnx_providers, overrides=spec.overrides, sigma=spec.sigma,
                       deterministic=spec.deterministic, checkpoint_sha256=spec.checkpoint_sha256,
                       plugins=spec.plugins, allow_untrusted_pickle=spec.allow_untrusted_pickle)


def completed(control: ControlSpec, facts: Facts, say: Callable[[str], object],
              warn: Callable[[str], object] | None = None) -> ControlSpec:
    """Return a ControlSpec with what it leaves open taken from the run's Facts.

    say(text) tells what was taken and from where, warn(text) what the file states otherwise than the run.
    Raises ConfigurationError where nobody tells the control rate.
    """
    found: dict[str, Any] = {}
    for name, otherwise in (('control_rate', None), ('clip_observations', math.inf), ('clip_actions', math.inf)):
        stated, fact = getattr(control, name), facts.known().get(name)
        if stated is None and fact is None and otherwise is None:
            raise ConfigurationError(f"parameter '{name}' is missing, and the run's files do not tell it")
        if stated is None:
            found[name] = otherwise if fact is None else fact.value
            if fact is not None:
                say(f'{name} {fact.value:g}, from the run: {fact.source}')
        elif fact is not None and abs(stated - fact.value) > 0.01 * fact.value:
            (warn or say)(f'{name} is {stated:g}; the run was trained with {fact.value:g} ({fact.source})')
    return dataclasses.replace(control, **found)


def run_rate(configuration: Configuration) -> float | None:
    """Return the control rate (Hz) that the run's files tell; raises ConfigurationError where they do not."""
    facts = read_facts(TrainConfig.read(configuration.policy.train_config, configuration.policy.overrides))
    return completed(configuration.control, facts, lambda text: None).control_rate
