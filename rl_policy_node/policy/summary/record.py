# SPDX-License-Identifier: Apache-2.0
"""The parts of a summary; a Fact is a value with its source."""

from dataclasses import dataclass, field
from pathlib import Path

from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.layouts import LayoutAction, LayoutTerm
from rl_policy_node.policy.shared_types import Numbers


@dataclass(frozen=True)
class Files:
    """The files that were read, and why these.

    environment: Isaac Lab's env.yaml, or None. checkpoint: None where there is none, and `checkpoint_why` says
    so. set_aside: what else is in the checkpoint. executed: whether code in it was run. unresolved: name →
    why, of values of the config that could not be resolved.
    """

    config: Path
    config_why: str
    environment: Path | None = None
    checkpoint: Path | None = None
    checkpoint_why: str = ''
    sha256: str = ''
    size: int | None = None
    set_aside: tuple[str, ...] = ()
    executed: bool = False
    unresolved: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """The network of the policy; fields are Facts, None if the network has no such part.

    inputs: input name → its preprocessor. parameters, acting_parameters: number of learned parameters, in the whole
    model and in the part for the deterministic action; None if the network was not built. state: (shape of one
    row, ...) of the recurrent state, () without one.
    """

    name: Fact
    inputs: Fact | None
    cnn: Fact | None
    mlp: Fact | None
    rnn: Fact | None
    separate: Fact
    central_value: Fact | None
    parameters: Fact | None
    acting_parameters: Fact | None
    state: Fact | None


@dataclass(frozen=True)
class Statistics:
    """The running statistics that normalise an observation: (x - mean) / std, clamped to ± 5.

    mean, std: one number each, () where there are many. mean_range, std_range: least and greatest of them.
    still: how many numbers never moved in training; still_at: places of the first of them, counted row by row.
    samples: observations that went into them.
    """

    mean: Numbers
    std: Numbers
    mean_range: Numbers
    std_range: Numbers
    still: int
    still_at: tuple[int, ...]
    samples: int


@dataclass(frozen=True)
class Term(LayoutTerm):
    """A piece of an input. start: its first number's place in the input, None where that is not known."""

    start: int | None = None
    statistics: Statistics | None = None


@dataclass(frozen=True)
class Observation:
    """An input of the policy. shape: of one row, None where no source states it. terms: () where not known."""

    name: str
    shape: Fact
    dtype: str
    normalized: Fact
    statistics: Statistics | None
    clip: Fact | None
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Sigma:
    """The deviation of sampled actions. kind: 'parameter' or 'network'; least, greatest: None where computed."""

    kind: str
    least: float | None
    greatest: float | None
    source: str


@dataclass(frozen=True)
class Actions:
    """The actions. kind: 'continuous', 'discrete', 'multi_discrete'; choices: of each discrete action.

    low, high: one number each, or one for all. clip: whether rl_games clamps to ± 1 and rescales to low .. high.
    environment_clip: bound ± of the environment on its actions. terms: the environment's use of the actions.
    """

    size: Fact
    kind: str
    choices: tuple[int, ...]
    low: Fact | None
    high: Fact | None
    clip: Fact | None
    environment_clip: Fact | None
    deterministic: Fact
    sigma: Sigma | None
    terms: tuple[LayoutAction, ...]


@dataclass(frozen=True)
class Training:
    """The progress of training by the checkpoint, None for a value that it lacks."""

    epoch: int | None
    frame: int | None
    mean_reward: float | None


@dataclass(frozen=True)
class Missing:
    """Information that a deployment needs and that the run does not state. what: a name; why: how to supply it."""

    what: str
    why: str


@dataclass(frozen=True)
class Summary:
    """Everything known about a run. problems: why it cannot be played as it is, empty if it can."""

    files: Files
    task: Fact | None
    algorithm: Fact
    model: Fact
    player: Fact
    network: Network
    observations: tuple[Observation, ...]
    actions: Actions
    control_rate: Fact | None
    training: Training | None
    notes: tuple[str, ...]
    decisions: tuple[str, ...]
    problems: tuple[str, ...]
    missing: tuple[Missing, ...]
    next_command: str
