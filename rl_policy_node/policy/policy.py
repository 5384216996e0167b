"""Policy: a batch of rows through rl_games' player, one recurrent state per row."""
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy import player as players
from rl_policy_node.policy.agreement import agree, joined_keys
from rl_policy_node.policy.checkpoint import load_checkpoint
from rl_policy_node.policy.facts import Facts, layout_of, published_shapes, read_facts
from rl_policy_node.policy.random_stream import RandomStream
from rl_policy_node.policy.spaces import Spaces
from rl_policy_node.policy.train_config import locate_checkpoint, TrainConfig
from rl_policy_node.policy.weights import read_spaces

BACKENDS = ('auto', 'eager')


class Policy:
    """A loaded policy that acts on `rows` observations at once.

    act(): observations → actions; reset(): clear recurrent states. `player` is rl_games' own player,
    `spaces` what goes in and out, `checkpoint` what was loaded (None: initial weights), `config` the
    TrainConfig, `facts` what the run says of its environment.
    """

    def __init__(self, player, spaces, rows, checkpoint=None, deterministic=True, config=None, facts=None):
        self.player, self.spaces, self.rows = player, spaces, int(rows)
        self.checkpoint, self.deterministic = checkpoint, deterministic
        self.config, self.facts = config, facts or Facts()
        self._joined = joined_keys(config.params['network'], spaces) if config else ()
        self._stream = RandomStream(player.device, player.seed or 0)
        # what rl_games' get_batch_size would find; without it recurrent states stay at one row
        player.batch_size, player.has_batch_dimension = self.rows, True
        player.reset()

    @classmethod
    def load(cls, train_config: str | Path, checkpoint: str | Path | None = None, *,
             spaces: Spaces | Mapping | None = None, rows: int = 1, device: str = 'auto', backend: str = 'auto',
             overrides: Iterable[str] = (), sigma: float | None = None, deterministic: bool = True,
             checkpoint_sha256: str = '', plugins: Iterable[str] = (), allow_untrusted_pickle: str = '') -> 'Policy':
        """Build the player of a run and restore a checkpoint into it.

        train_config: path of a train YAML, of a run's config.yaml or agent.yaml, or of a run directory.
        checkpoint: path of the .pth file; 'best' or 'newest' of the run's own; '' for best. None is '' for a
        run directory, and keeps the network's initial weights for a file. spaces: Spaces, or a mapping of
        some of their fields; what is not stated comes from the run, else from the weights.
        device: 'auto', 'cpu', 'cuda:0', … overrides: changes to the config in Hydra's form. sigma: log
        standard deviation for stochastic play, None keeps the trained one. plugins: modules, or .py files,
        that register networks, models or players. allow_untrusted_pickle: name of a checkpoint file that
        may run code. Raises ConfigurationError with everything a user needs to mend it.
        """
        if backend not in BACKENDS:
            raise unknown('backend', backend, BACKENDS)
        config = TrainConfig.read(train_config, overrides)
        players.check_names(config, plugins)
        weights = None
        if checkpoint is not None or Path(train_config).is_dir():
            path, _ = locate_checkpoint(config, checkpoint or '')
            weights = load_checkpoint(path, checkpoint_sha256, allow_untrusted_pickle)
        facts = read_facts(config)
        spaces = agree(spaces, facts, weights and read_spaces(weights.model), published_shapes(layout_of(config)))
        taken = spaces.joined() if joined_keys(config.params['network'], spaces) else spaces
        player = players.create_player(config, taken, _device(device), plugins)
        if weights is not None:
            players.restore(player, weights)
        if sigma is not None:
            players.override_sigma(player, sigma)
        return cls(player, spaces, rows, weights, deterministic, config, facts)

    @property
    def recurrent(self) -> bool:
        """Whether rows carry a state from step to step."""
        return bool(getattr(self.player, 'is_rnn', False))

    def act(self, observations: np.ndarray | dict, hold: np.ndarray | None = None) -> np.ndarray:
        """Return the actions (rows, actions), float32, or int64 for discrete policies.

        observations: an array (rows, *shape), or key → such arrays. hold: mask (rows,) of rows whose
        recurrent state shall stay as it is; their actions mean nothing. Stochastic actions come from a random
        stream of the policy's own, which starts at the train config's seed.
        """
        tensors, before = self._to_tensors(observations), self.player.states
        # rl_games samples even where it then returns the mean
        with self._stream:
            actions = self.player.get_action(tensors, self.deterministic)
        if hold is not None and self.recurrent and np.any(hold):
            kept = self._index(np.asarray(hold, dtype=bool))
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
        index = self._index(rows)
        for state in self.player.states:
            state[:, index] = 0.0

    def _index(self, rows):
        rows = np.asarray(rows)
        if rows.dtype == bool and rows.shape != (self.rows,):
            raise ValueError(f'rows: a mask of shape {rows.shape}; expected ({self.rows},)')
        index = np.nonzero(rows)[0] if rows.dtype == bool else rows.astype(np.int64)
        return torch.from_numpy(index).to(self.player.device)

    def _to_tensors(self, observations):
        inputs = self.spaces.inputs
        if not self.spaces.is_dict:
            return self._tensor('obs', observations, inputs['obs'])
        if set(observations) != set(inputs):
            raise ValueError(f'observations have the keys {sorted(observations)}; expected {sorted(inputs)}')
        tensors = {key: self._tensor(key, observations[key], shape) for key, shape in inputs.items()}
        if self._joined:
            parts = [tensors[key].flatten(1) for key in self._joined]
            return torch.cat([part / 255.0 if part.dtype == torch.uint8 else part for part in parts], dim=1)
        return tensors

    def _tensor(self, key, array, shape):
        wanted = getattr(torch, self.spaces.dtype_of(key).name)
        tensor = array if isinstance(array, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(array))
        # rl_games divides bytes by 255, so that neither may pass for the other
        if (tensor.dtype == torch.uint8) != (wanted == torch.uint8):
            raise ValueError(f"observation '{key}' is {tensor.dtype}; expected {wanted}")
        if tuple(tensor.shape) != (self.rows, *shape):
            raise ValueError(f"observation '{key}' has the shape {tuple(tensor.shape)}; expected {(self.rows, *shape)}")
        return tensor.to(self.player.device, wanted)

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
