# SPDX-License-Identifier: Apache-2.0
"""Policy: a batch of rows through a player of rl_games, one recurrent state per row."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.backends import BACKENDS, choose, EagerBackend, Inputs, Setup
from rl_policy_node.policy.backends.backend import Backend
from rl_policy_node.policy.contract.agreement import joined_keys
from rl_policy_node.policy.contract.spaces import Spaces
from rl_policy_node.policy.run import ignored_keys
from rl_policy_node.policy.run.files import is_checkpoint
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.policy.shared_types import Array, BackendState, Observations, Player, Rows
from rl_policy_node.policy.stopwatch import Stopwatch


class Policy:
    """A loaded policy that acts on `rows` observations at once.

    act(): observations → actions; reset(): clear recurrent states. player: rl_games' own player. backend: computes the
    actions. spaces: inputs and outputs. checkpoint: the loaded one (None: initial weights). config: the TrainConfig.
    facts: the run's statements about its environment. backend_report: a line on the backend and the reason for it.
    fell_back: whether eager replaced a backend that failed. warnings: lines on possible differences from training.
    seconds: step of loading → s.
    """

    def __init__(self, player: Player, spaces: Spaces, rows: int, run: TrainedRun, deterministic: bool = True) -> None:
        self.player, self.spaces, self.rows, self.deterministic = player, spaces, int(rows), deterministic
        self.checkpoint, self.config, self.facts = run.checkpoint, run.config, run.facts
        self.backend_report, self.fell_back = '', False
        self.warnings: tuple[str, ...] = ()
        self.seconds: dict[str, float] = {}
        # the keys of a dict that a flat network takes as one vector
        self.joined = joined_keys(run.config.params['network'], spaces)
        self._inputs = Inputs(spaces, rows, self.joined)
        self.backend: Backend = EagerBackend(player, self._inputs, deterministic)

    @classmethod
    def load(
        cls,
        train_config: str | Path,
        checkpoint: str | Path | None = None,
        *,
        spaces: Spaces | Mapping[str, object] | None = None,
        rows: int = 1,
        device: str = 'auto',
        backend: str = 'eager',
        threads: int | None = None,
        tolerance: float = 1e-5,
        providers: Iterable[str] = (),
        overrides: Iterable[str] = (),
        sigma: float | None = None,
        deterministic: bool = True,
        checkpoint_sha256: str = '',
        plugins: Iterable[str] = (),
        allow_untrusted_pickle: str = '',
    ) -> 'Policy':
        """Build the player of a run and restore a checkpoint into it.

        train_config: path of a train YAML, of a run's config.yaml or agent.yaml, of a run directory, or of a
        checkpoint in one. checkpoint: path of the .pth file; 'best' or 'newest' of the run's own; '' for best, or for
        the checkpoint that train_config is. None is '' for a run directory and for a checkpoint, and keeps the
        network's initial weights for a configuration. spaces: Spaces, or a mapping of
        some of their fields; what is not stated comes from the run, else from the weights.
        device: 'auto', 'cpu', 'cuda:0', … overrides: changes to the config in Hydra's form. sigma: log
        standard deviation for stochastic play, None keeps the trained one. plugins: modules, or .py files,
        that register networks, models or players. allow_untrusted_pickle: name of a checkpoint file that
        may run code.
        backend: 'eager' is rl_games' player; 'onnx' and 'cuda_graph' compute the same faster, and are compared with
        it first: if actions differ by more than `tolerance`, eager replaces them; 'auto' is the fastest.
        threads: of 'onnx', None for as many as torch's. providers: ONNX Runtime's execution providers.
        Raises ConfigurationError with everything that a user needs to fix it.
        """
        if backend not in BACKENDS:
            raise unknown('backend', backend, BACKENDS)
        from rl_policy_node.policy.rl_games import player as players  # it imports rl_games

        watch = Stopwatch()
        whole = Path(train_config).is_dir() or is_checkpoint(train_config)
        wanted = '' if checkpoint is None and whole else checkpoint
        run = TrainedRun.read(train_config, wanted, overrides, plugins, checkpoint_sha256, allow_untrusted_pickle)
        players.check_names(run.config, run.plugins)
        if run.ignored and not deterministic:
            raise ConfigurationError(ignored_keys.refusal(run.ignored))
        watch.lap('config')
        if run.checkpoint is None and wanted is not None:
            raise ConfigurationError(run.checkpoint_choice[1])
        watch.lap('checkpoint')
        agreed = run.spaces(spaces, run.layout)
        player = players.trained_player(run, agreed, _device(device))
        if sigma is not None:
            players.override_sigma(player, sigma)
        watch.lap('player')
        policy = cls(player, agreed, rows, run, deterministic)
        policy.warnings = (ignored_keys.warning(run.ignored, run.config.params),) if run.ignored else ()
        policy.choose_backend(backend, threads, tolerance, providers)
        watch.lap('backend')
        policy.seconds = watch.seconds
        return policy

    def choose_backend(
        self, name: str, threads: int | None = None, tolerance: float = 1e-5, providers: Iterable[str] = ()
    ) -> None:
        """Switch to another backend, with the present weights and cleared states; see `load`."""
        setup = Setup(
            self.player,
            self._inputs,
            self.deterministic,
            self.config,
            threads or torch.get_num_threads(),
            tolerance,
            tuple(providers),
        )
        self.backend, self.backend_report, self.fell_back = choose(name, setup)

    @property
    def recurrent(self) -> bool:
        """Whether rows carry a state from step to step."""
        return self.backend.recurrent

    def act(self, observations: Observations, hold: Array | None = None) -> Array:
        """Return the actions (rows, actions), float32, or int64 for discrete policies.

        observations: an array (rows, *shape), or key → such arrays. hold: mask (rows,) of rows that keep their
        recurrent state; their actions are meaningless. Stochastic actions come from the policy's own random
        stream, which starts at the train config's seed.
        """
        return self.backend.act(observations, hold)

    def moments(self) -> dict[str, tuple[Array, Array]]:
        """Return input → mean and standard deviation (n,) of its numbers in training, in its own units.

        Empty without a normaliser of the input, and before training.
        """
        if self.checkpoint is None or not self.config.params['config'].get('normalize_input'):
            return {}
        from rl_policy_node.policy.summary.normalizer import read_statistics  # it imports the package

        found = read_statistics(self.checkpoint.model, self.spaces.inputs, self.joined)
        # bytes are divided by 255 before the normaliser sees them
        factors = {name: 255.0 if np.dtype(self.spaces.dtype_of(name)) == np.uint8 else 1.0 for name in found}
        return {
            name: (factors[name] * each.mean.numpy(), factors[name] * each.var.sqrt().numpy())
            for name, each in found.items()
            if each.count > 1 and len(each) == np.prod(self.spaces.inputs[name], dtype=int)
        }

    def reset(self, rows: Rows = slice(None)) -> None:
        """Clear the recurrent state of rows: a slice, by default of all, a mask (rows,) or a list of indices."""
        self.backend.reset(rows)

    def state(self) -> BackendState:
        """Return a copy of the recurrent states and the random stream, on which the next action depends."""
        return self.backend.state()

    def restore(self, state: BackendState) -> None:
        """Continue from a state of the same policy and backend."""
        self.backend.restore(state)


def _device(name: str) -> str:
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
    """Set the number of CPU threads of torch, in the whole process."""
    torch.set_num_threads(count)
