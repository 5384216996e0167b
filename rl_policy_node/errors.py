"""The errors a user is meant to read: each names the thing, what came, and what was expected."""
from collections.abc import Iterable


class ConfigurationError(ValueError):
    """Something in the parameters, the train config or the checkpoint does not fit the rest."""


class ContractError(ValueError):
    """A message that is not what the configuration says its topic carries: it will not mend itself."""


class SimulationError(RuntimeError):
    """A hosted environment failed, fell silent, or is gone; the text has its own last words."""


def unknown(kind: str, name: object, valid: Iterable[object], where: str = '') -> ConfigurationError:
    """Return the error for a name that is not one of `valid`."""
    place = f' in {where}' if where else ''
    return ConfigurationError(f"unknown {kind} '{name}'{place}; valid: {', '.join(sorted(map(str, valid)))}")
