"""From the policy's action to the commands that may be sent, and back."""
import numpy as np

from rl_policy_node.control.action_terms import build_action
from rl_policy_node.errors import ConfigurationError


class ActionManager:
    """Cuts the action into terms, applies their laws and limits, and knows what was sent last.

    Commands are term name → field → (rows, ...). Rows that are not fit get the fallback: the pose or
    the joint positions measured when they ceased to be fit, held until they are fit again.
    """

    def __init__(self, spec, num_actions, buffers, joints):
        self.terms = {action.name: build_action(action, buffers, joints) for action in spec.actions}
        self.size = sum(term.size for term in self.terms.values())
        if self.size != num_actions:
            listed = ', '.join(f'{name} {term.size}' for name, term in self.terms.items())
            raise ConfigurationError(f'actions.terms take {self.size} numbers ({listed}); '
                                     f'the policy gives {num_actions}')
        self._sent = None

    def start(self, sources):
        """Seed limits and fallback from the measured state: the first command continues from there."""
        self._sent = {name: term.measured(sources) for name, term in self.terms.items()}

    def hold(self, sources, rows):
        """Take the state that the rows (mask) shall hold from now on; limits still apply from there."""
        for name, term in self.terms.items():
            _where(rows, term.measured(sources), self._sent[name])

    def process(self, actions, sources, acting, dt):
        """Take over the limited commands of the rows in `acting` (mask); `commands()` then returns them.

        actions (rows, size), dt in s since the last call. Returns the mask of the rows whose command is
        finite; the others keep what was sent last.
        """
        commands, start = {}, 0
        # before the limits, too: they would make a command of an infinite action
        finite = acting & np.isfinite(actions).all(axis=1)
        for name, term in self.terms.items():
            command = term.command(actions[:, start:start + term.size], sources)
            commands[name] = term.limit(command, self._sent[name], dt)
            start += term.size
            for value in commands[name].values():
                finite &= np.isfinite(value).all(axis=1)
        for name, command in commands.items():
            _where(finite, command, self._sent[name])
        return finite

    def commands(self):
        """Return the command of every row: what `process` took over, or what `hold` holds."""
        return {name: {field: value.copy() for field, value in command.items()}
                for name, command in self._sent.items()}

    def invert(self, commands, sources):
        """Return the action (rows, size), float32, that received commands mean: the simulator's direction."""
        return np.concatenate([term.invert(commands[name], sources) for name, term in self.terms.items()], axis=1)


def _where(rows, command, into):
    for field, value in command.items():
        into[field][rows] = value[rows]
