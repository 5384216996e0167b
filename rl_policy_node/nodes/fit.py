"""Whether an environment can play the robots of a parameter file."""
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters import Configuration
from rl_policy_node.nodes.protocols import Environment, Source


class Observations(Protocol):
    """What an ObservationManager knows of the fields, (source, field), that its terms read."""

    def fields(self) -> Iterable[tuple[str, str]]:
        """Return those that observations turn back into."""

    def unfed(self) -> Mapping[tuple[str, str], Any]:
        """Return those that they do not → the TermSpec that reads it."""


def input_shapes(configuration: Configuration, environment: Environment) -> dict[str, tuple[int, ...]]:
    """Return input → shape of a row, of what the policy takes; raises ConfigurationError for what is not there."""
    control, name = configuration.control, configuration.sim.environment.name
    have, rate = environment.shapes, environment.control_rate
    missing = sorted(set(control.inputs) - set(have))
    if missing:
        raise ConfigurationError(f"inputs {missing} are not observations of sim.environment '{name}'; "
                                 f'it has {sorted(have)}')
    assert control.control_rate is not None     # taken from the environment or the run where the file has none
    if rate is not None and abs(rate - control.control_rate) > 1e-6:
        raise ConfigurationError(f"control_rate is {control.control_rate:g} Hz; sim.environment '{name}' "
                                 f'steps at {rate:g} Hz')
    return {name: have[name] for name in control.inputs}


def check_fields(observations: Observations, sources: Mapping[str, Source]) -> None:
    """Refuse what would have to be published and cannot be: no term that can be turned round feeds it.

    sources: name → Source.
    """
    fed, unfed = observations.fields(), observations.unfed()
    for name, source in sources.items():
        for field in source.buffer.values:
            if (name, field) not in fed:
                term = unfed.get((name, field))
                reader = f"by the term '{term.name}' (kind {term.kind})" if term else 'by an action'
                raise ConfigurationError(f"source '{name}': its field '{field}' is read {reader} and fed by no "
                                         'term of kind field; the simulator cannot publish it')
