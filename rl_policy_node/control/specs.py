# SPDX-License-Identifier: Apache-2.0
"""Typed, validated configuration of sources, observation terms and action terms."""
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
import math

from rl_policy_node.control.action_spec import ACTION_KINDS, ActionSpec, FALLBACKS  # noqa: F401 - likewise
from rl_policy_node.control.terms.term_spec import TERM_KINDS, term_spec, TermSpec  # noqa: F401 - all specs are found here
from rl_policy_node.errors import ConfigurationError, unknown

# the type of a source that is no topic: the pose of a frame in another
TRANSFORM = 'tf2'
ALIGNMENTS = ('hold', 'asof', 'drop')
TRIGGERS = ('timer', 'observation', 'lockstep')
RESUMES = ('on_request', 'automatic')
OOD_ACTIONS = ('warn', 'hold', 'latch')
DURABILITIES = ('volatile', 'transient_local')
STALE = ('hold', 'zero')
# fields of velocities, and other fields that a person's command may have: for all of them zero means to stand still
_VELOCITIES = frozenset({'velocity', 'linear_velocity', 'angular_velocity'})
_COMMANDS = _VELOCITIES | {'vector', 'data'}


def _one_of(kind: str, name: str, valid: Collection[str], where: str) -> None:
    if name not in valid:
        raise unknown(kind, name, valid, where)


@dataclass(frozen=True)
class SourceSpec:
    """A subscription: topic (below each robot's namespace), message type, greatest age in s.

    alignment: which message a step takes: 'hold' the latest; 'asof' the latest that is not newer than the
    step's reference stamp; 'drop' the latest, once: without a new one its robot does not act in that step.
    frozen_after: s of identical payloads after which a sensor counts as dead; 0: never. future_tolerance: s
    that a stamp may lie ahead; 0: two periods of the control, at least 0.1 s. rows: one message carries all
    robots, in a leading dimension, on a topic without a namespace. target_frame, source_frame: of type tf2,
    the pose of source_frame in target_frame. frame_id: of the messages, '': any. `{robot}` in these three is the
    robot's namespace. durability: transient_local also takes an earlier message, such as a latched goal. stale: what
    a missing or stale value does: 'hold' puts the robot on its fallback, 'zero' reads a person's command as zeros.
    """

    name: str
    topic: str
    type: str
    max_age: float = 0.1
    use_header_stamp: bool = True
    encoding: str = ''
    alignment: str = 'hold'
    frozen_after: float = 0.0
    target_frame: str = ''
    source_frame: str = ''
    future_tolerance: float = 0.0
    rows: bool = False
    frame_id: str = ''
    durability: str = 'volatile'
    stale: str = 'hold'

    def __post_init__(self) -> None:
        where = f'sources.{self.name}'
        if self.type == TRANSFORM and self.frame_id:
            raise ConfigurationError(f'{where}.frame_id is {self.frame_id!r}; type {TRANSFORM} has target_frame')
        _one_of('alignment', self.alignment, ALIGNMENTS, where)
        _one_of('durability', self.durability, DURABILITIES, where)
        _one_of('stale', self.stale, STALE, where)
        if self.type == TRANSFORM and self.durability != 'volatile':
            raise ConfigurationError(f'{where}.durability is {self.durability}; type {TRANSFORM} has no topic')
        if self.stale == 'zero' and self.alignment != 'hold':
            raise ConfigurationError(f'{where}: stale zero needs alignment hold; it is {self.alignment}')
        if self.type == TRANSFORM and not (self.target_frame and self.source_frame):
            raise ConfigurationError(f'{where}: type {TRANSFORM} needs target_frame and source_frame')
        if self.type != TRANSFORM and not self.topic:
            raise ConfigurationError(f"parameter '{where}.topic' is missing")


@dataclass(frozen=True)
class OodSpec:
    """What happens where observations lie outside the distribution of training, and when they do.

    limit: standard deviations from the mean of training. action: warn, hold (the fallback, until it is gone) or
    latch (until ~/resume). time: s of smoothing. clip_time: s that a term may stay at its clip.
    """

    limit: float = 6.0
    action: str = 'warn'
    time: float = 0.25
    clip_time: float = 0.5

    def __post_init__(self) -> None:
        _one_of('value', self.action, OOD_ACTIONS, 'ood.action')


@dataclass(frozen=True)
class ControlSpec:
    """Everything between the topics and the network.

    control_rate (Hz), clip_observations and clip_actions (bounds ±) are None until they are read from the
    run; nothing runs before. clip_inputs: input → a bound of its own in place of
    clip_observations. shared_rows: rows of the batch where every message carries all of them and no robot has a
    name; 0: one row for each robot. resume: whether a row that fell out comes back
    by itself, after resume_after (s) of good data; more than latch_falls falls within latch_window (s) never do.
    guardian: whether another process sends the fallback when the control loop is silent for guardian_timeout (s; 0:
    three periods, at least 0.1 s); not in lockstep.
    """

    robots: tuple[str, ...]
    control_rate: float | None
    trigger: str
    lockstep_timeout: float
    sources: dict[str, SourceSpec]
    terms: dict[str, TermSpec]
    inputs: dict[str, tuple[str, ...]]
    actions: tuple[ActionSpec, ...]
    clip_observations: float | None = math.inf
    clip_actions: float | None = math.inf
    clip_inputs: Mapping[str, float] = field(default_factory=dict)
    episode_topic: str = ''
    alignment_reference: str = ''
    robots_required: str = 'all'
    shadow: bool = False
    blend_in: float = 0.0
    blend: float = 1.0
    shared_rows: int = 0
    resume: str = 'on_request'
    resume_after: float = 0.5
    latch_falls: int = 3
    latch_window: float = 10.0
    ood: OodSpec = OodSpec()
    guardian: bool = True
    guardian_timeout: float = 0.0

    def __post_init__(self) -> None:
        if self.alignment_reference:
            _one_of('source', self.alignment_reference, self.sources, 'alignment_reference')
        _one_of('trigger', self.trigger, TRIGGERS, 'trigger')
        _one_of('value', self.resume, RESUMES, 'resume')
        if self.guardian_timeout and not 0.02 <= self.guardian_timeout <= 1.0:
            raise ConfigurationError(f"parameter 'guardian_timeout' is {self.guardian_timeout:g} s; expected 0.02 to "
                                     '1 s, or 0 for three periods of the control')
        if len(set(self.robots)) != len(self.robots) or not self.robots:
            raise ConfigurationError(f'robots is {list(self.robots)}; expected one or more different namespaces')
        for name in self.clip_inputs:
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
                raise ConfigurationError(f'actions.{action.name}: rows: true needs a source of rows: true; '
                                         f"'{action.source}' has a message for each robot")
        if not self.inputs or not self.actions:
            raise ConfigurationError('inputs and actions.terms must each name at least one term')
        if self.shared_rows:
            self._check_together()
        for source in self.sources.values():
            self._check_command(source)
        if all(source.stale == 'zero' for source in self.sources.values()):
            raise ConfigurationError('every source has stale: zero; at least one has to be a sensor, with stale: hold')

    def _check_command(self, source: SourceSpec) -> None:
        """Refuse velocities that go on without being repeated, and zeros that do not mean to stand still."""
        where, fields, moves = f'sources.{source.name}', self._fields_of(source.name), self.velocities_of(source.name)
        lasts = [f'{name} is {value}' for name, value, is_so in (
            ('durability', source.durability, source.durability == 'transient_local'),
            ('max_age', source.max_age, math.isinf(source.max_age))) if is_so]
        if moves and lasts and not self.lockstep:
            raise ConfigurationError(f'{where}: {" and ".join(lasts)}, and its {" and ".join(moves)} would go on '
                                     'without being repeated; expected volatile and a finite max_age')
        if source.stale == 'zero' and (fields - _COMMANDS or any(a.source == source.name for a in self.actions)):
            why = f'terms read its {sorted(fields - _COMMANDS)}' if fields - _COMMANDS else 'an action measures by it'
            raise ConfigurationError(f'{where}: stale is zero, and {why}; expected a command of velocities, with the '
                                     f'fields {sorted(_COMMANDS)}')

    def velocities_of(self, source: str) -> list[str]:
        """Return the velocities among the fields of a source that terms read; they must not be latched."""
        return sorted(self._fields_of(source) & _VELOCITIES)

    def _fields_of(self, source: str) -> frozenset[str]:
        return frozenset(read.field for term in self.terms.values() for read in term.reads if read.source == source)

    def _check_together(self) -> None:
        """Refuse options that need a named robot for each row: names, topics, frames."""
        where = f'rows is {self.shared_rows}'
        if self.robots != ('',):
            raise ConfigurationError(f'{where} and robots names {list(self.robots)}; expected one of the two: each row '
                                     'is a robot with topics of its own, or one message carries all rows')
        for source in self.sources.values():
            if source.type == TRANSFORM:
                raise ConfigurationError(f'sources.{source.name}: {where}, and type {TRANSFORM} looks up a frame of '
                                         'each robot; expected a topic with rows: true')
        for group, specs in (('sources', self.sources.values()), ('actions', self.actions)):
            per_row = [spec.name for spec in specs if not spec.rows]
            if per_row:
                raise ConfigurationError(f'{where}, and {group} {per_row} have a message for each row; expected '
                                         'rows: true: one message carries all rows')
        named = [joint for source in self.sources for joint in self.joints_of(source) if '{robot}' in joint]
        if named:
            raise ConfigurationError(f'{where}, and joints {named} bear the name of their robot; no robot has one')

    @property
    def rate(self) -> float:
        """Steps per second, Hz; raises ConfigurationError while it is not known."""
        if self.control_rate is None:
            raise ConfigurationError("parameter 'control_rate' is missing")
        return self.control_rate

    @property
    def lockstep(self) -> bool:
        """Whether a simulator waits for every answer."""
        return self.trigger == 'lockstep'

    @property
    def rows(self) -> int:
        """Rows of the batch: one for each robot, or as many as a message carries."""
        return self.shared_rows or len(self.robots)

    def joints_of(self, source: str) -> tuple[str, ...]:
        """Return the joints that terms and actions take from a source, in first-named order."""
        users = [read for term in self.terms.values() for read in term.reads] + list(self.actions)
        return tuple(dict.fromkeys(j for user in users if user.source == source for j in user.joints))
