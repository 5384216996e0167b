"""From the policy's action to the commands that may be sent, and back."""
import numpy as np

from rl_policy_node.control.action_channel import Channel
from rl_policy_node.control.action_terms import build_action, Discrete
from rl_policy_node.control.blend import Blend
from rl_policy_node.control.limits import finite_rows, is_finite
from rl_policy_node.control.numbers import every, surely_small
from rl_policy_node.errors import ConfigurationError, unknown

# beyond, a number has no room in a message of float32
_MOST = float(np.finfo(np.float32).max)


class ActionManager:
    """Cuts the action into terms, applies their laws and limits, and knows what was sent last.

    actions: how many numbers the policy gives, or its choices: {'discrete': n}, {'multi_discrete': [n, …]}.
    Commands are term name → field → (rows, ...). Rows that are not fit get the fallback until they are fit
    again: by default the pose or the joint positions measured when they ceased to be fit, or zero.
    Nothing that is computed for a row depends on another row.
    """

    def __init__(self, spec, actions, buffers, joints):
        self.terms = {action.name: build_action(action, buffers, joints) for action in spec.actions}
        self.size = sum(term.size for term in self.terms.values())
        _check_actions(self.terms, actions, self.size)
        self._channels = {name: Channel(term, spec.rows) for name, term in self.terms.items()}
        self._parts = list(zip(self._channels.values(), _slices(self.terms.values())))
        self._blend = Blend(spec.rows, spec.blend_in, spec.blend)
        self._acted = np.zeros(spec.rows, dtype=bool)

    def start(self, sources):
        """Seed limits, filters and fallback from the measured state: the first command continues from there."""
        for channel in self._channels.values():
            channel.start(sources)
        self._blend.restart()
        self._acted[:] = False

    def hold(self, sources, rows):
        """Take the fallback for the rows (mask) from now on; limits go on, and blending in begins, from there."""
        for channel in self._channels.values():
            channel.hold(sources, rows, self._acted)
        self._blend.restart(rows)

    def process(self, actions, sources, acting, dt):
        """Take over the limited commands of the rows in `acting` (mask); `commands()` then returns them.

        actions (rows, size), dt in s since the last call. Returns the mask of the rows whose command is
        finite; the others keep what was sent last.
        """
        dt = max(float(dt), 1e-6)
        # before the limits, too: they would make a command of an infinite action
        finite = acting if is_finite(actions) else acting & finite_rows(actions)
        share = self._blend.share(dt)
        for channel, columns in self._parts:
            for value in channel.propose(actions[:, columns], sources, share, dt).values():
                if not (surely_small(value) or value.max() <= _MOST and value.min() >= -_MOST):
                    finite = finite & (np.abs(value) <= _MOST).all(axis=1)
        for channel in self._channels.values():
            channel.commit(finite, share, dt)
        self._blend.advance(finite, dt)
        if not every(self._acted):
            self._acted |= finite
        return finite

    def commands(self):
        """Return the command of every row: what `process` took over, or what `hold` holds. Read-only."""
        return {name: channel.given() for name, channel in self._channels.items()}

    def set_blend(self, ratio):
        """Change how much of the policy's commands goes out, 0 to 1; takes effect within blend_in seconds."""
        self._blend.set(ratio)

    def set_scale(self, term, values, parameter='scale'):
        """Change a scale of a term from the next step on, within its scale_limit; raises ConfigurationError."""
        if term not in self.terms:
            raise unknown('action term', term, self.terms)
        self.terms[term].set_scale(values, parameter)

    def check_reversible(self):
        """Raise ConfigurationError where received commands do not tell the action: a simulator needs it."""
        for name, term in self.terms.items():
            reason = term.irreversible()
            if reason:
                raise ConfigurationError(f'actions.{name}: kind {term.spec.kind} cannot be inverted for the '
                                         f'simulator: {reason}')

    def invert(self, commands, sources):
        """Return the action (rows, size), float32, that received commands mean: the simulator's direction."""
        return np.concatenate([term.invert(commands[name], sources) for name, term in self.terms.items()], axis=1)


def _slices(terms):
    """Yield the columns of the action that belong to each term."""
    start = 0
    for term in terms:
        yield slice(start, start + term.size)
        start += term.size


def _check_actions(terms, actions, size):
    """Compare what the terms take with what the policy gives."""
    discrete = not isinstance(actions, (int, np.integer))
    for name, term in terms.items():
        if isinstance(term, Discrete) != discrete:
            given = f'chooses ({actions})' if discrete else f'gives {actions} continuous numbers'
            wanted = 'a choice' if isinstance(term, Discrete) else 'continuous numbers'
            raise ConfigurationError(f'actions.{name}: kind {term.spec.kind} takes {wanted}; the policy {given}')
    choices = _choices(actions) if discrete else ()
    numbers = len(choices) if discrete else actions
    if size != numbers:
        listed = ', '.join(f'{name} {term.size}' for name, term in terms.items())
        raise ConfigurationError(f'actions.terms take {size} numbers ({listed}); the policy gives {numbers}')
    for (name, term), count in zip(terms.items(), choices):
        if term.choices != count:
            raise ConfigurationError(f'actions.{name}.table has {term.choices} rows of {term.spec.table_columns}; '
                                     f'the policy chooses among {count}')


def _choices(actions):
    return [actions['discrete']] if 'discrete' in actions else list(actions['multi_discrete'])
