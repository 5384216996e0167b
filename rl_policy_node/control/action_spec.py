# SPDX-License-Identifier: Apache-2.0
"""Typed, validated configuration of an action term."""
from collections.abc import Iterable
from dataclasses import dataclass, fields
import math
from typing import TypeAlias

from rl_policy_node.control.action_terms import KINDS
from rl_policy_node.control.action_terms.action_term import ActionTerm
from rl_policy_node.errors import ConfigurationError, unknown

# `type` is a field of the spec
_Kind: TypeAlias = type[ActionTerm]

ACTION_KINDS = tuple(KINDS)
FALLBACKS = ('hold', 'keep', 'zero', 'value')
# what `limits` says where commands are to have none
LIMITLESS = 'none'
INTEGRALS = ('observed', 'target', 'leaky', 'none')
GRIPPER_MODES = ('proportional', 'threshold')
TRAJECTORY_STARTS = ('now', 'observation')
# every kind may have them
_COMMON = {'name', 'kind', 'topic', 'type', 'source', 'fallback', 'frame_id', 'trajectory_start', 'time_from_start',
           'rows', 'limits'}
# parameter → the choice that it needs
_BESIDE = {'max_error': ('integrate', 'leaky'), 'max_rotation_error': ('integrate', 'leaky'),
           'threshold': ('mode', 'threshold'), 'fallback_value': ('fallback', 'value')}
# one number stands for all axes
_LISTS = ('max_velocity', 'max_acceleration', 'max_effort', 'max_effort_rate', 'max_error', 'max_hold_error',
          'max_tracking_error', 'open', 'closed', 'fallback_value')


@dataclass(frozen=True)
class ActionSpec:
    """A slice of the action: its law, its limits, and the topic its command goes to.

    Each kind reads some of these (`ActionTerm.parameters`; the class of a kind says what they mean
    there) and refuses the others. fallback, integrate: empty for the kind's own default. clip: ± on the
    action. smoothing: share of the new target in what is sent. scale_limit: how much a scale may grow
    while the policy runs, as a factor. trajectory_start: when trajectories begin; time_from_start (s): when
    they reach their point, 0 for one period of the control from now, two from the observation. rows: one
    message carries the commands of all robots, on a topic without a namespace. limits: 'none' where
    commands are to lack limits; see `unlimited.check_limits`.
    """

    name: str
    kind: str
    topic: str
    type: str
    source: str = ''
    fallback: str = ''
    frame_id: str = ''
    joints: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    size: int = 0
    clip: float = math.inf
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    scale_limit: float = 1.0
    smoothing: float = 1.0
    integrate: str = ''
    max_error: tuple[float, ...] = ()
    max_rotation_error: float = math.inf
    max_hold_error: tuple[float, ...] = ()
    max_hold_rotation_error: float = 0.1
    max_tracking_error: tuple[float, ...] = ()
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    max_velocity: tuple[float, ...] = ()
    max_acceleration: tuple[float, ...] = ()
    max_angular_velocity: float = math.inf
    max_angular_acceleration: float = math.inf
    max_effort: tuple[float, ...] = ()
    max_force: float = math.inf
    max_torque: float = math.inf
    max_effort_rate: tuple[float, ...] = ()
    max_force_rate: float = math.inf
    max_torque_rate: float = math.inf
    position_scale: tuple[float, ...] = (0.01,)
    rotation_scale: tuple[float, ...] = (0.05,)
    rotation_threshold: float = 1e-6
    mode: str = 'proportional'
    threshold: float = 0.0
    open: tuple[float, ...] = ()
    closed: tuple[float, ...] = ()
    fallback_value: tuple[float, ...] = ()
    table: tuple[float, ...] = ()
    table_columns: int = 0
    trajectory_start: str = 'now'
    time_from_start: float = 0.0
    rows: bool = False
    limits: str = ''

    def __post_init__(self) -> None:
        where = f'actions.{self.name}'
        if self.kind not in KINDS:
            raise unknown('kind', self.kind, KINDS, where)
        if self.trajectory_start not in TRAJECTORY_STARTS:
            raise unknown('trajectory_start', self.trajectory_start, TRAJECTORY_STARTS, where)
        kind = KINDS[self.kind]
        self._choose('fallback', kind.fallbacks, where)
        self._choose('integrate', kind.integrals, where)
        for name in _LISTS:
            self._listed(name)
        self._check_needs(kind, where)
        self._check_numbers(kind, where)
        self._check_unused(kind, where)
        kind.check(self, where)
        self._check_tracking(kind, where)

    def _check_tracking(self, kind: _Kind, where: str) -> None:
        if self.max_tracking_error and self.fallback == 'value':
            raise ConfigurationError(f'{where}: max_tracking_error needs a fallback that measures; it is value')
        held = self.max_hold_error or (kind.hold_error,)
        if self.fallback == 'hold' and any(low > high for low, high in _paired(held, self.max_tracking_error)):
            raise ConfigurationError(f'{where}: max_tracking_error {list(self.max_tracking_error)} is below '
                                     f'max_hold_error {list(held)}: a robot would be held too far away to be freed')

    def _choose(self, name: str, valid: tuple[str, ...], where: str) -> None:
        """Set the kind's default where nothing is chosen; refuse choices that the kind does not have."""
        value = getattr(self, name)
        if valid and not value:
            object.__setattr__(self, name, valid[0])
        elif valid and value not in valid:
            raise unknown(name, value, valid, f'{where} (kind {self.kind})')

    def _listed(self, name: str) -> None:
        value = getattr(self, name)
        if isinstance(value, (int, float)):
            value = (float(value),)
        object.__setattr__(self, name, () if all(math.isinf(v) for v in value) else tuple(value))

    def _check_needs(self, kind: _Kind, where: str) -> None:
        for name in kind.required:
            if not getattr(self, name):
                raise ConfigurationError(f'{where}: kind {self.kind} needs {name}')
        if self.fallback in ('hold', 'keep') and not self.source:
            raise ConfigurationError(f'{where}: needs a source that measures what it commands, '
                                     'to hold there and to limit the first step')
        if self.fallback == 'value' and not self.fallback_value:
            raise ConfigurationError(f'{where}: fallback value needs fallback_value')
        if self.integrate == 'leaky' and not self.max_error:
            raise ConfigurationError(f'{where}: integrate leaky needs max_error')
        if len(set(self.joints)) != len(self.joints):
            raise ConfigurationError(f'{where}.joints names a joint twice: {list(self.joints)}')

    def _check_numbers(self, kind: _Kind, where: str) -> None:
        size = kind.axes(self)
        for name in kind.per_axis:
            if len(getattr(self, name)) not in (0, 1, size):
                raise ConfigurationError(f'{where}.{name} has {len(getattr(self, name))} numbers; '
                                         f'expected 1 or {size}')
        if self.lower and self.upper and any(low > high for low, high in _paired(self.lower, self.upper)):
            raise ConfigurationError(f'{where}: lower {list(self.lower)} is above upper {list(self.upper)}')
        fallback = {'zero': (0.0,), 'value': self.fallback_value}.get(self.fallback, ())
        if not all(math.isfinite(value) for value in fallback):
            raise ConfigurationError(f'{where}.fallback_value is not finite')
        if any(low > value for low, value in _paired(self.lower, fallback)) or \
                any(value > high for value, high in _paired(fallback, self.upper)):
            raise ConfigurationError(f'{where}: the fallback {list(fallback)} is not within lower and upper')

    def _check_unused(self, kind: _Kind, where: str) -> None:
        """Refuse parameters that the kind ignores, such as a limit that it does not apply."""
        used = {*kind.parameters, *(['clip'] if kind.clips else []), *(['scale_limit'] if kind.scales else [])}
        given = [f.name for f in fields(self) if f.name not in _COMMON and getattr(self, f.name) != f.default]
        idle = [name for name in given if name not in used]
        if idle:
            raise ConfigurationError(f'{where}: {", ".join(idle)} mean nothing to kind {self.kind}; it has '
                                     f'{", ".join(sorted(used))}')
        for name, (choice, value) in _BESIDE.items():
            if name in given and getattr(self, choice) != value:
                raise ConfigurationError(f'{where}.{name} counts with {choice} {value} only; {choice} is '
                                         f'{getattr(self, choice)}')


def _paired(left: tuple[float, ...], right: tuple[float, ...]) -> Iterable[tuple[float, float]]:
    """Pair per-axis numbers, of which one may stand for all; empty where one of the two is."""
    if not left or not right:
        return []
    size = max(len(left), len(right))
    return zip(*(numbers * size if len(numbers) == 1 else numbers for numbers in (left, right)))
