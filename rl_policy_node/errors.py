"""Errors for users: each names the thing, what came, and what was expected."""
from collections.abc import Iterable


class ConfigurationError(ValueError):
    """Something in the parameters, the train config or the checkpoint does not fit the rest."""


class ContractError(ValueError):
    """A topic carries another layout than configured; a permanent fault."""


class SimulationError(RuntimeError):
    """A hosted environment failed, timed out or ended; the text has its last output."""


def unknown(kind: str, name: object, valid: Iterable[object], where: str = '') -> ConfigurationError:
    """Return the error for a name that is not one of `valid`."""
    place = f' in {where}' if where else ''
    return ConfigurationError(f"unknown {kind} '{name}'{place}; valid: {', '.join(sorted(map(str, valid)))}")
