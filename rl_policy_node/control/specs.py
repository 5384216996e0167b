# SPDX-License-Identifier: Apache-2.0
"""Typed, validated configuration of sources, observation terms and action terms; exports all specs."""

from collections.abc import Collection
from dataclasses import dataclass
import math

from rl_policy_node.control.action_spec import action_spec, ActionSpec
from rl_policy_node.control.control_options import (
    BlendOptions,
    ClipOptions,
    GuardianOptions,
    OodSpec,
    RecoveryOptions,
    TimingOptions,
)
from rl_policy_node.control.source_spec import SourceSpec, TRANSFORM
from rl_policy_node.control.terms.term_spec import term_spec, TermSpec
from rl_policy_node.errors import ConfigurationError, unfit, unknown
from rl_policy_node.options import build, group, leaves, option

__all__ = [
    'ActionSpec',
    'BlendOptions',
    'ClipOptions',
    'ControlSpec',
    'GuardianOptions',
    'OodSpec',
    'RecoveryOptions',
    'SourceSpec',
    'TRANSFORM',
    'TermSpec',
    'TimingOptions',
    'action_spec',
    'control_spec',
    'term_spec',
]

# fields of velocities, and other fields that a person's command may have: for all of them zero means standing still
_VELOCITIES = frozenset({'velocity', 'linear_velocity', 'angular_velocity'})
_COMMANDS = _VELOCITIES | {'vector', 'data'}
PAUSE_PERIODS, SHORTEST_PAUSE = 10, 0.5  # periods, s


def _one_of(kind: str, name: str, valid: Collection[str], where: str) -> None:
    if name not in valid:
        raise unknown(kind, name, valid, where)


@dataclass(frozen=True, kw_only=True)
class ControlSpec:
    """Everything between the topics and the network. `control_spec` makes it."""

    robots: tuple[str, ...] = option(
        ('',), 'namespace of each robot; one row of the batch and one recurrent state each'
    )
    shared_rows: int | None = option(
        None,
        'rows of the batch where one message of each source and each action carries all of them (rows: true), '
        "and robots stays ['']; 0: one for each robot",
        low=0,
        name='rows',
        absent=0,
    )
    robots_required: str = option(
        'all',
        'which robots must send data before activation: all, or any: the others join later',
        choices=('all', 'any'),
    )
    shadow: bool = option(False, 'everything runs, but commands go to ~/shadow/<topic> instead of the robots')
    sources: dict[str, SourceSpec]
    terms: dict[str, TermSpec]
    inputs: dict[str, tuple[str, ...]]
    actions: tuple[ActionSpec, ...]
    timing: TimingOptions = group(TimingOptions)
    blending: BlendOptions = group(BlendOptions)
    recovery: RecoveryOptions = group(RecoveryOptions)
    guardian: GuardianOptions = group(GuardianOptions)
    clips: ClipOptions = ClipOptions()
    ood: OodSpec = OodSpec()

    def __post_init__(self) -> None:
        if self.timing.alignment_reference:
            _one_of('source', self.timing.alignment_reference, self.sources, 'alignment_reference')
        if len(set(self.robots)) != len(self.robots) or not self.robots:
            raise unfit('robots', list(self.robots), 'one or more different namespaces')
        for name in self.clips.clip_inputs:
            _one_of('input', name, self.inputs, 'policy.clip_inputs')
        for name, terms in self.inputs.items():
            for wanted in terms:
                _one_of('term', wanted, self.terms, f'inputs.{name}')
            if len(set(terms)) != len(terms):
                raise ConfigurationError(f'inputs.{name} names a term twice: {list(terms)}')
        for term in self.terms.values():
            for read in term.reads:
                _one_of('source', read.source, self.sources, f'terms.{term.name}')
        for action in self.actions:
            if action.source:
                _one_of('source', action.source, self.sources, f'actions.{action.name}')
            if action.rows and action.source and not self.sources[action.source].rows:
                raise ConfigurationError(
                    f'actions.{action.name}: rows: true needs a source of rows: true; '
                    f"'{action.source}' has a message for each robot"
                )
        if not self.inputs or not self.actions:
            raise ConfigurationError('inputs and actions.terms must each name at least one term')
        if self.shared_rows:
            self._check_together()
        for source in self.sources.values():
            self._check_command(source)
        if all(source.stale == 'zero' for source in self.sources.values()):
            raise ConfigurationError('every source has stale: zero; at least one has to be a sensor, with stale: hold')

    def _check_command(self, source: SourceSpec) -> None:
        """Refuse velocities that would persist without being repeated, and zeros that do not mean standing still."""
        where, fields, moves = f'sources.{source.name}', self._fields_of(source.name), self.velocities_of(source.name)
        lasts = [
            f'{name} is {value}'
            for name, value, is_so in (
                ('durability', source.durability, source.durability == 'transient_local'),
                ('max_age', source.max_age, math.isinf(source.max_age)),
            )
            if is_so
        ]
        if moves and lasts and not self.lockstep:
            raise ConfigurationError(
                f'{where}: {" and ".join(lasts)}, and its {" and ".join(moves)} would go on '
                'without being repeated; expected volatile and a finite max_age'
            )
        if source.stale == 'zero' and (fields - _COMMANDS or any(a.source == source.name for a in self.actions)):
            why = f'terms read its {sorted(fields - _COMMANDS)}' if fields - _COMMANDS else 'an action measures by it'
            raise unfit(
                f'{where}: stale', f'zero, and {why}', f'a command of velocities, with the fields {sorted(_COMMANDS)}'
            )

    def velocities_of(self, source: str) -> list[str]:
        """Return the velocity fields of a source that terms read; they must not be latched."""
        return sorted(self._fields_of(source) & _VELOCITIES)

    def _fields_of(self, source: str) -> frozenset[str]:
        return frozenset(read.field for term in self.terms.values() for read in term.reads if read.source == source)

    def _check_together(self) -> None:
        """Refuse options that need a named robot for each row: names, topics, frames."""
        where = f'rows is {self.shared_rows}'
        if self.robots != ('',):
            raise ConfigurationError(
                f'{where} and robots names {list(self.robots)}; expected one of the two: each row '
                'is a robot with topics of its own, or one message carries all rows'
            )
        for source in self.sources.values():
            if source.type == TRANSFORM:
                raise ConfigurationError(
                    f'sources.{source.name}: {where}, and type {TRANSFORM} looks up a frame of '
                    'each robot; expected a topic with rows: true'
                )
        for kind, specs in (('sources', self.sources.values()), ('actions', self.actions)):
            per_row = [spec.name for spec in specs if not spec.rows]
            if per_row:
                raise ConfigurationError(
                    f'{where}, and {kind} {per_row} have a message for each row; expected '
                    'rows: true: one message carries all rows'
                )
        named = [joint for source in self.sources for joint in self.joints_of(source) if '{robot}' in joint]
        if named:
            raise ConfigurationError(f'{where}, and joints {named} bear the name of their robot; no robot has one')

    @property
    def rate(self) -> float:
        """Steps per second, Hz; raises ConfigurationError while it is not known."""
        if self.timing.control_rate is None:
            raise ConfigurationError("parameter 'control_rate' is missing")
        return self.timing.control_rate

    @property
    def lockstep(self) -> bool:
        """Whether a simulator waits for every answer."""
        return self.timing.trigger == 'lockstep'

    @property
    def period(self) -> float:
        """Time of a step, s; 0.02 while the rate is not known."""
        return 1.0 / self.timing.control_rate if self.timing.control_rate else 0.02

    @property
    def pause(self) -> float:
        """Time, s, after which a robot without a new command may be elsewhere, and the process must have been paused.

        It is infinite in lockstep, where the simulator waits, too.
        """
        return math.inf if self.lockstep else max(PAUSE_PERIODS * self.period, SHORTEST_PAUSE)

    @property
    def rows(self) -> int:
        """Number of rows in the batch: one for each robot, or as many as a message carries."""
        return self.shared_rows or len(self.robots)

    def joints_of(self, source: str) -> tuple[str, ...]:
        """Return the joints that terms and actions take from a source, in the order in which they are first named."""
        users = [read for term in self.terms.values() for read in term.reads] + list(self.actions)
        return tuple(dict.fromkeys(j for user in users if user.source == source for j in user.joints))


def control_spec(
    robots: tuple[str, ...],
    control_rate: float | None,
    trigger: str,
    lockstep_timeout: float,
    sources: dict[str, SourceSpec],
    terms: dict[str, TermSpec],
    inputs: dict[str, tuple[str, ...]],
    actions: tuple[ActionSpec, ...],
    clips: ClipOptions | None = None,
    ood: OodSpec | None = None,
    **values: object,
) -> ControlSpec:
    """Return a ControlSpec. clips: None clips nothing. values: parameter → value; raises TypeError for unknown ones."""
    unheard = sorted(set(values) - set(leaves(ControlSpec)))
    if unheard:
        raise TypeError(f'{unheard} are no options of the control')
    values |= {'control_rate': control_rate, 'trigger': trigger, 'lockstep_timeout': lockstep_timeout}
    return build(
        ControlSpec,
        values,
        robots=robots,
        sources=sources,
        terms=terms,
        inputs=inputs,
        actions=actions,
        clips=clips or ClipOptions(clip_observations=math.inf, clip_actions=math.inf),
        ood=ood or OodSpec(),
    )
