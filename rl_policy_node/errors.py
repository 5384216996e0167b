# SPDX-License-Identifier: Apache-2.0
"""Errors for users: each names the thing, what came, and what was expected."""
from collections.abc import Iterable

MOST_SHOWN = 200        # characters of a value in an error


class ConfigurationError(ValueError):
    """Something in the parameters, the train config or the checkpoint does not fit the rest."""


class ContractError(ValueError):
    """A topic carries another layout than configured; a permanent fault."""


class SimulationError(RuntimeError):
    """A hosted environment failed, timed out or ended; the text has its last output."""


def shown(value: object) -> str:
    """Return a value as an error shows it: on one line, and not longer than one reads."""
    return _shortened(repr(value))


def unknown(kind: str, name: object, valid: Iterable[object], where: str = '') -> ConfigurationError:
    """Return the error for a name that is not one of `valid`."""
    place = f' in {where}' if where else ''
    return ConfigurationError(
        f"unknown {kind} '{_shortened(str(name))}'{place}; valid: {', '.join(sorted(map(str, valid)))}")


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f'{text[:MOST_SHOWN]}… ({len(text)} characters)'
