# SPDX-License-Identifier: Apache-2.0
"""Typed, validated configuration of an action term."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import math
from typing import Final, TypeAlias

from rl_policy_node.control.action_terms import KINDS
from rl_policy_node.control.action_terms.action_options import ActionOptions
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.errors import ConfigurationError, miscounted, unknown
from rl_policy_node.options import build, Leaf, leaves, mandatory, merged, option, stated, value_of, wrong_choices

# `type` is a field of the spec
_Kind: TypeAlias = type[ActionTerm[ActionOptions]]

ACTION_KINDS: Final = tuple(KINDS)
FALLBACKS: Final = ('hold', 'keep', 'zero', 'value')
# value of `limits` for commands without limits
LIMITLESS: Final = 'none'
NUMBERS: Final = tuple[float, ...]()


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """A slice of the action: its law, its limits, and the topic its command goes to. `action_spec` makes it.

    fallback: never empty. options: the kind's own. limits: see `unlimited.check_limits`.
    """

    name: str
    kind: str = mandatory(str, 'law that makes a command of the action', ACTION_KINDS)
    topic: str = mandatory(str, "topic of the command, below each robot's namespace")
    type: str = mandatory(str, 'message type of the command')
    source: str = option(
        '',
        'source that measures what is commanded, needed to hold it; commands bear its stamps, '
        'trajectories none (trajectory_start)',
    )
    fallback: str = option(
        '',
        'command while the policy may not act: hold: stop, and stay there; keep: the last command; zero; value: '
        "fallback_value. Empty: the kind's default. hold or keep: joint_position, joint_delta, pose_delta; zero: "
        'joint_velocity, effort, twist, wrench; keep, hold or value: gripper; value: raw, discrete',
        choices=FALLBACKS,
    )
    frame_id: str = option('', 'frame of stamped commands')
    trajectory_start: str = option(
        'now',
        'trajectories: when they begin. now: when the controller gets them (stamp 0), whatever its clock; '
        'observation: at the stamp of source, which a controller silently rejects where its clock differs, or where '
        'the command comes late. In lockstep always observation',
        choices=('now', 'observation'),
    )
    time_from_start: float | None = option(
        None,
        'trajectories: time from their start to their point; 0: one period of the control from now, two from the '
        'observation, since a point in the past is dropped',
        unit='s',
        low=0.0,
        absent=0.0,
    )
    rows: bool = option(
        False,
        'one message, a Float32MultiArray or Float64MultiArray, carries the commands of all '
        'rows in its first dimension; its topic has no namespace',
    )
    limits: str = option(
        '',
        'none: commands may lack limits. Otherwise configure refuses positions without lower, upper and '
        'max_velocity (a pose: max_angular_velocity, too; a gripper: max_velocity), velocities without max_velocity or '
        'lower and upper (a twist: max_angular_velocity, too), efforts without max_effort, wrenches without max_force '
        'and max_torque',
        choices=('', LIMITLESS),
    )
    options: ActionOptions

    def __post_init__(self) -> None:
        where, kind = f'actions.{self.name}', KINDS[self.kind]
        if not self.fallback:
            object.__setattr__(self, 'fallback', kind.fallbacks[0])
        for name, value, choices in wrong_choices(self):
            raise unknown(name, value, choices, where)
        for name, value, choices in wrong_choices(self.options):
            raise unknown(name, value, choices, f'{where} (kind {self.kind})')
        self._check_needs(where)
        self._check_numbers(kind, where)
        self._check_beside(where)
        kind.check(self.options, self, where)
        self._check_tracking(kind, where)

    @property
    def joints(self) -> tuple[str, ...]:
        """The joints that it commands, (): none by name."""
        return value_of(self.options, 'joints', tuple[str, ...]())

    def _check_needs(self, where: str) -> None:
        for name, leaf in leaves(type(self.options)).items():
            if leaf.option.required and not value_of(self.options, name, None):
                raise ConfigurationError(f'{where}: kind {self.kind} needs {name}')
        if self.fallback in ('hold', 'keep') and not self.source:
            raise ConfigurationError(
                f'{where}: needs a source that measures what it commands, to hold there and to limit the first step'
            )
        if self.fallback == 'value' and not value_of(self.options, 'fallback_value', NUMBERS):
            raise ConfigurationError(f'{where}: fallback value needs fallback_value')
        if value_of(self.options, 'integrate', '') == 'leaky' and not value_of(self.options, 'max_error', NUMBERS):
            raise ConfigurationError(f'{where}: integrate leaky needs max_error')
        if len(set(self.joints)) != len(self.joints):
            raise ConfigurationError(f'{where}.joints names a joint twice: {list(self.joints)}')

    def _check_numbers(self, kind: _Kind, where: str) -> None:
        size = kind.axes(self.options)
        for name, leaf in leaves(type(self.options)).items():
            count = len(value_of(self.options, name, NUMBERS)) if leaf.option.per_axis else 0
            if count not in (0, 1, size):
                raise miscounted(f'{where}.{name}', count, f'1 or {size}')
        lower, upper = (value_of(self.options, name, NUMBERS) for name in ('lower', 'upper'))
        if any(low > high for low, high in _paired(lower, upper)):
            raise ConfigurationError(f'{where}: lower {list(lower)} is above upper {list(upper)}')
        fallback = {'zero': (0.0,), 'value': value_of(self.options, 'fallback_value', NUMBERS)}.get(self.fallback, ())
        if not all(math.isfinite(value) for value in fallback):
            raise ConfigurationError(f'{where}.fallback_value is not finite')
        if any(low > value for low, value in _paired(lower, fallback)) or any(
            value > high for value, high in _paired(fallback, upper)
        ):
            raise ConfigurationError(f'{where}: the fallback {list(fallback)} is not within lower and upper')

    def _check_beside(self, where: str) -> None:
        """Refuse options that only count with another choice than the configured one."""
        for name in stated(self.options):
            beside = leaves(type(self.options))[name].option.only_with
            if beside is None:
                continue
            choice, value = beside
            chosen = self.fallback if choice == 'fallback' else value_of(self.options, choice, '')
            if chosen != value:
                raise ConfigurationError(f'{where}.{name} counts with {choice} {value} only; {choice} is {chosen}')

    def _check_tracking(self, kind: _Kind, where: str) -> None:
        most = value_of(self.options, 'max_tracking_error', NUMBERS)
        if most and self.fallback == 'value':
            raise ConfigurationError(f'{where}: max_tracking_error needs a fallback that measures; it is value')
        held = value_of(self.options, 'max_hold_error', NUMBERS) or (kind.hold_error,)
        if self.fallback == 'hold' and any(low > high for low, high in _paired(held, most)):
            raise ConfigurationError(
                f'{where}: max_tracking_error {list(most)} is below max_hold_error {list(held)}: '
                'a robot would be held too far away to be freed'
            )


ACTION_PARAMETERS: Final[Mapping[str, Leaf]] = merged(ActionSpec, *(kind.option_class for kind in KINDS.values()))


def action_spec(name: str, kind: str, topic: str, type: str, **values: object) -> ActionSpec:
    """Return the ActionSpec of a kind; values: parameter → value, of the kind's options and of those of every term.

    Raises ConfigurationError if the kind lacks an option that it needs, or would ignore one, such as a limit that it
    does not apply.
    """
    if kind not in KINDS:
        raise unknown('kind', kind, KINDS, f'actions.{name}')
    fallback, fallbacks = values.get('fallback'), KINDS[kind].fallbacks
    if fallback and fallback not in fallbacks:
        raise unknown('fallback', str(fallback), fallbacks, f'actions.{name} (kind {kind})')
    own, common = leaves(KINDS[kind].option_class), leaves(ActionSpec)
    idle = [
        each
        for each, value in values.items()
        if each not in own
        and each not in common
        and (each not in ACTION_PARAMETERS or not ACTION_PARAMETERS[each].is_default(value))
    ]
    if idle:
        raise ConfigurationError(
            f'actions.{name}: {", ".join(idle)} mean nothing to kind {kind}; it has {", ".join(sorted(own))}'
        )
    return build(
        ActionSpec,
        values,
        name=name,
        kind=kind,
        topic=topic,
        type=type,
        options=build(KINDS[kind].option_class, values),
    )


def _paired(left: tuple[float, ...], right: tuple[float, ...]) -> Iterable[tuple[float, float]]:
    """Pair per-axis numbers; a single number stands for all axes. Empty if one of the two is."""
    if not left or not right:
        return []
    size = max(len(left), len(right))
    return zip(*(numbers * size if len(numbers) == 1 else numbers for numbers in (left, right)))
