"""From the policy's action to the commands that may be sent, and back."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import cast, TypeAlias

import numpy as np

from rl_policy_node.control.action_channel import Channel
from rl_policy_node.control.action_terms import build_action, Discrete
from rl_policy_node.control.action_terms.base import ActionTerm
from rl_policy_node.control.arrays import Array, Command, Floats, JointNames, Mask, Sources
from rl_policy_node.control.blend import Blend
from rl_policy_node.control.limits import finite_rows, is_finite
from rl_policy_node.control.numbers import every, surely_small
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.errors import ConfigurationError, unknown

# how many numbers the policy gives, or its choices: {'discrete': n}, {'multi_discrete': [n, …]}
ActionSize: TypeAlias = int | Mapping[str, 'int | Sequence[int]']
# action term → its command
Commands: TypeAlias = Mapping[str, Command]
# (actions, proposed commands, acting rows) → the rows whose commands may go out
Accept: TypeAlias = Callable[[Array, Commands, Mask], Mask]

# beyond, a number has no room in a message of float32
_MOST = float(np.finfo(np.float32).max)


class ActionManager:
    """Cuts the action into terms, applies their laws and limits, and knows what was sent last.

    Commands are term name → field → (rows, ...). Rows that are not fit get the fallback until they are fit
    again: by default the pose or the joint positions measured when they ceased to be fit, or zero.
    Nothing that is computed for a row depends on another row.
    """

    def __init__(self, spec: ControlSpec, actions: ActionSize, buffers: Sources, joints: JointNames) -> None:
        self.terms = {action.name: build_action(action, buffers, joints) for action in spec.actions}
        self.size = sum(term.size for term in self.terms.values())
        _check_actions(self.terms, actions, self.size)
        self._channels = {name: Channel(term, spec.rows) for name, term in self.terms.items()}
        # with the columns of the action that belong to each
        self._parts = {name: (self._channels[name], columns)
                       for name, columns in zip(self.terms, _slices(self.terms.values()))}
        self._blend = Blend(spec.rows, spec.blend_in, spec.blend)
        self.acted: Mask = np.zeros(spec.rows, dtype=bool)

    def start(self, sources: Sources) -> None:
        """Seed limits, filters and fallback from the measured state: the first command continues from there."""
        for channel in self._channels.values():
            channel.start(sources)
        self._blend.restart()
        self.acted = np.zeros_like(self.acted)

    def fallback(self, sources: Sources, sent: Commands, acted: Mask) -> dict[str, Command]:
        """Return the fallback of every row, from what was sent last and the rows that ever acted.

        It changes nothing here: any thread may ask, while another one steps.
        """
        return {name: channel.fallback(sources, sent[name], acted) for name, channel in self._channels.items()}

    def hold(self, sources: Sources, rows: Mask) -> None:
        """Take the fallback for the rows from now on; limits go on, and blending in begins, from there."""
        self.resume(rows, self.fallback(sources, self.commands(), self.acted))

    def resume(self, rows: Mask, commands: Commands) -> None:
        """Go on, for rows, from commands that went out in place of the policy's; blending in begins from there."""
        for name, channel in self._channels.items():
            channel.resume(rows, commands[name])
        self._blend.restart(rows)

    def process(self, actions: Array, sources: Sources, acting: Mask, dt: float,
                accept: Accept | None = None) -> Mask:
        """Take over the limited commands of the rows in `acting`; `commands()` then returns them.

        actions (rows, size), dt in s since the last call. accept(actions, proposed commands, acting) returns the rows
        whose commands may go out: by default those that are finite. Returns these; the others keep what was sent last.
        """
        dt = max(float(dt), 1e-6)
        share = self._blend.share(dt)
        proposed: dict[str, Command] = {}       # filled by a loop: a comprehension is a call before Python 3.12
        for name, (channel, columns) in self._parts.items():
            proposed[name] = channel.propose(actions[:, columns], sources, share, dt)
        accepted = (accept or finite_commands)(actions, proposed, acting)
        for channel, _ in self._parts.values():
            channel.commit(accepted, share, dt)
        self._blend.advance(accepted, dt)
        if not every(self.acted):
            self.acted = self.acted | accepted
        return accepted

    def commands(self) -> dict[str, Command]:
        """Return the command of every row: what `process` took over, or what `hold` holds. Read-only."""
        commands: dict[str, Command] = {}
        for name, channel in self._channels.items():
            commands[name] = channel.given()
        return commands

    def set_blend(self, ratio: float) -> None:
        """Change how much of the policy's commands goes out, 0 to 1; takes effect within blend_in seconds."""
        self._blend.set(ratio)

    def set_scale(self, term: str, values: Sequence[float], parameter: str = 'scale') -> None:
        """Change a scale of a term from the next step on, within its scale_limit; raises ConfigurationError."""
        self._term(term).set_scale(values, parameter)

    def check_scale(self, term: str, values: Sequence[float], parameter: str = 'scale') -> None:
        """Raise ConfigurationError where `set_scale` would."""
        self._term(term).checked_scale(values, parameter)

    def _term(self, name: str) -> ActionTerm:
        if name not in self.terms:
            raise unknown('action term', name, self.terms)
        return self.terms[name]

    def check_reversible(self) -> None:
        """Raise ConfigurationError where received commands do not tell the action: a simulator needs it."""
        for name, term in self.terms.items():
            reason = term.irreversible()
            if reason:
                raise ConfigurationError(f'actions.{name}: kind {term.spec.kind} cannot be inverted for the '
                                         f'simulator: {reason}')

    def invert(self, commands: Commands, sources: Sources) -> Floats:
        """Return the action (rows, size), float32, that received commands mean: the simulator's direction."""
        return np.concatenate([term.invert(commands[name], sources) for name, term in self.terms.items()], axis=1)

    def state(self) -> State:
        """Return what the next step goes on from: each term's memory, the blend, who ever acted."""
        return {'terms': {name: channel.state() for name, channel in self._channels.items()},
                'blend': self._blend.state(), 'acted': self.acted.copy()}

    def restore(self, state: State) -> None:
        """Go on from a state of the same terms."""
        terms = cast(Mapping[str, State], state['terms'])
        for name, channel in self._channels.items():
            channel.restore(terms[name])
        self._blend.restore(cast(State, state['blend']))
        self.acted = cast(Mask, state['acted']).copy()


def finite_commands(actions: Array, proposed: Commands, rows: Mask) -> Mask:
    """Return those of the rows whose action and commands are numbers that a message of float32 has room for."""
    # before the limits, too: they would make a command of an infinite action
    finite = rows if is_finite(actions) else rows & finite_rows(actions)
    for command in proposed.values():
        for value in command.values():
            if not (surely_small(value) or value.max() <= _MOST and value.min() >= -_MOST):
                finite = finite & (np.abs(value) <= _MOST).all(axis=1)
    return finite


def _slices(terms: Iterable[ActionTerm]) -> Iterator[slice]:
    """Yield the columns of the action that belong to each term."""
    start = 0
    for term in terms:
        yield slice(start, start + term.size)
        start += term.size


def _check_actions(terms: Mapping[str, ActionTerm], actions: ActionSize, size: int) -> None:
    """Compare what the terms take with what the policy gives."""
    discrete = isinstance(actions, Mapping)
    for name, term in terms.items():
        if isinstance(term, Discrete) != discrete:
            given = f'chooses ({actions})' if discrete else f'gives {actions} continuous numbers'
            wanted = 'a choice' if isinstance(term, Discrete) else 'continuous numbers'
            raise ConfigurationError(f'actions.{name}: kind {term.spec.kind} takes {wanted}; the policy {given}')
    choices = _choices(actions)
    numbers = actions if not isinstance(actions, Mapping) else len(choices)
    if size != numbers:
        listed = ', '.join(f'{name} {term.size}' for name, term in terms.items())
        raise ConfigurationError(f'actions.terms take {size} numbers ({listed}); the policy gives {numbers}')
    for (name, term), count in zip(terms.items(), choices):
        if isinstance(term, Discrete) and term.choices != count:
            raise ConfigurationError(f'actions.{name}.table has {term.choices} rows of {term.spec.table_columns}; '
                                     f'the policy chooses among {count}')


def _choices(actions: ActionSize) -> list[int]:
    """Return how many choices each discrete action has; none of continuous ones."""
    if not isinstance(actions, Mapping):
        return []
    counts = actions['discrete'] if 'discrete' in actions else actions['multi_discrete']
    return [counts] if isinstance(counts, int) else list(counts)
