# SPDX-License-Identifier: Apache-2.0
"""What a command of `rl_policy` is, and arguments that several have."""

from abc import ABC, abstractmethod
import argparse
from typing import Final

MODELS: Final = 'package://rl_policy_node/models/insertion/'
INSERTION: Final = 'package://rl_policy_node/config/insertion.yaml'


class Command(ABC):
    """A command by its name, its arguments, and what it does; the help shows its docstring.

    failure: the exit code of an error.
    """

    name: str
    failure = 1

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:  # noqa: B027 - a command may have none
        """Add its arguments."""

    @abstractmethod
    def run(self, options: argparse.Namespace) -> int:
        """Do it; return the exit code."""


def positive(text: str) -> int:
    """Return a whole number from 1; raises argparse's error for other texts."""
    return _whole(text, 1)


def natural(text: str) -> int:
    """Return a whole number from 0; raises argparse's error for other texts."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdigit() or int(text) < least:
        raise argparse.ArgumentTypeError(f'{text!r}; expected a whole number from {least}')
    return int(text)


def add_override(command: argparse.ArgumentParser) -> None:
    """Add the argument of commands that read the configuration of a run."""
    command.add_argument(
        '--override',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help="change to the run's configuration in Hydra's form; repeatable",
    )


def add_played(command: argparse.ArgumentParser, episodes: int) -> None:
    """Add the arguments of commands that play the environment of a parameter file."""
    command.add_argument(
        'params_file',
        metavar='PARAMS_FILE',
        nargs='?',
        default=INSERTION,
        help='parameter file of both nodes; default: the insertion that ships',
    )
    command.add_argument('--episodes', type=positive, default=episodes, help='of all robots together')
    command.add_argument('--robots', type=positive, help='rows of the batch; default: as the file says')
    command.add_argument('--seed', type=int, help='of the environment; default: as the file says')
    add_settings(command, 'any parameter of the nodes, such as sim.latency=0.05')


def add_settings(command: argparse.ArgumentParser, what: str) -> None:
    """Add the argument `--set` of commands that change parameters; what: which ones, for the help."""
    command.add_argument(
        '--set', action='append', default=[], metavar='NAME=VALUE', dest='settings', help=f'{what}; repeatable'
    )


def add_plugin(command: argparse.ArgumentParser, what: str) -> None:
    """Add the argument of commands that load a policy; what: what its modules are for, for the help."""
    command.add_argument(
        '--plugin', action='append', default=[], metavar='MODULE', help=f'module or .py file that {what}; repeatable'
    )
