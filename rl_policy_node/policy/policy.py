"""Policy: a batch of rows through rl_games' player, one recurrent state per row."""
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy import player as players
from rl_policy_node.policy.checkpoint import load_checkpoint
from rl_policy_node.policy.spaces import Spaces
from rl_policy_node.policy.train_config import TrainConfig

BACKENDS = ('auto', 'eager')


class Policy:
    """A loaded policy that acts on `rows` observations at once.

    act(): observations → actions; reset(): clear recurrent states. `player` is rl_games' own player,
    `spaces` what goes in and out, `checkpoint` what was loaded (None: initial weights).
    """

    def __init__(self, player, spaces, rows, checkpoint=None, deterministic=True):
        self.player, self.spaces, self.rows = player, spaces, int(rows)
        self.checkpoint, self.deterministic = checkpoint, deterministic
        # what rl_games' get_batch_size would find; without it recurrent states stay at one row
        player.batch_size, player.has_batch_dimension = self.rows, True
        player.reset()

    @classmethod
    def load(cls, train_config: str | Path, checkpoint: str | Path | None = None, *, spaces: Spaces | None = None,
             rows: int = 1, device: str = 'auto', backend: str = 'auto', overrides: Iterable[str] = (),
             sigma: float | None = None, deterministic: bool = True, checkpoint_sha256: str = '') -> 'Policy':
        """Build the player of a train YAML and restore a checkpoint into it.

        train_config: path of the train YAML. checkpoint: path of the .pth file; None keeps the network's
        initial weights. spaces: Spaces; None reads them from the weights. device: 'auto', 'cpu',
        'cuda:0', … sigma: log standard deviation for stochastic play, None keeps the trained one.
        Raises ConfigurationError with everything a user needs to mend it.
        """
        if backend not in BACKENDS:
            raise unknown('backend', backend, BACKENDS)
        config = TrainConfig.read(train_config, overrides)
        weights = load_checkpoint(checkpoint, checkpoint_sha256) if checkpoint is not None else None
        if spaces is None:
            if weights is None:
                raise ConfigurationError('spaces: must be stated where no checkpoint is loaded')
            spaces = Spaces.from_weights(weights.model)
        player = players.create_player(config, spaces, _device(device))
        if weights is not None:
            players.restore(player, weights)
        if sigma is not None:
            players.override_sigma(player, sigma)
        return cls(player, spaces, rows, weights, deterministic)

    @property
    def recurrent(self) -> bool:
        """Whether rows carry a state from step to step."""
        return bool(getattr(self.player, 'is_rnn', False))

    def act(self, observations: np.ndarray | dict, hold: np.ndarray | None = None) -> np.ndarray:
        """Return the actions (rows, actions), float32, or int64 for discrete policies.

        observations: an array (rows, *shape), or key → such arrays. hold: mask (rows,) of rows whose
        recurrent state shall stay as it is; their actions mean nothing.
        """
        before = self.player.states
        actions = self.player.get_action(self._to_tensors(observations), self.deterministic)
        if hold is not None and self.recurrent and np.any(hold):
            kept = torch.from_numpy(np.nonzero(hold)[0]).to(self.player.device)
            for state, old in zip(self.player.states, before):
                state[:, kept] = old[:, kept]
        return self._to_array(actions)

    def reset(self, rows: np.ndarray | Sequence[int] | None = None) -> None:
        """Clear the recurrent state of all rows, or of those in a mask (rows,) or a list of indices."""
        if not self.recurrent:
            return
        if rows is None:
            self.player.reset()
            return
        rows = np.asarray(rows)
        if rows.dtype == bool and rows.shape != (self.rows,):
            raise ValueError(f'reset: a mask of shape {rows.shape}; expected ({self.rows},)')
        index = torch.from_numpy(np.nonzero(rows)[0] if rows.dtype == bool else rows.astype(np.int64))
        for state in self.player.states:
            state[:, index.to(state.device)] = 0.0

    def _to_tensors(self, observations):
        inputs = self.spaces.inputs
        if not self.spaces.is_dict:
            return self._tensor('obs', observations, inputs['obs'])
        if set(observations) != set(inputs):
            raise ValueError(f'observations have the keys {sorted(observations)}; expected {sorted(inputs)}')
        return {key: self._tensor(key, observations[key], shape) for key, shape in inputs.items()}

    def _tensor(self, key, array, shape):
        if isinstance(array, torch.Tensor):
            tensor = array
        else:
            tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=self.spaces.dtype_of(key)))
        if tuple(tensor.shape) != (self.rows, *shape):
            raise ValueError(f"observation '{key}' has the shape {tuple(tensor.shape)}; expected {(self.rows, *shape)}")
        return tensor.to(self.player.device)

    def _to_array(self, actions):
        array = actions.detach().cpu().numpy().reshape(self.rows, self.spaces.num_actions)
        return array if not self.spaces.discrete else array.astype(np.int64)


def _device(name):
    if name == 'auto':
        return 'cuda:0' if torch.cuda.is_available() else 'cpu'
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigurationError(f"device '{name}': {str(error).splitlines()[0]}") from error
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise ConfigurationError(f"device '{name}': this torch sees no CUDA device; valid: auto, cpu")
    return name


def set_threads(count: int) -> None:
    """Set how many CPU threads torch computes with, in the whole process."""
    torch.set_num_threads(count)
