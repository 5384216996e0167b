# SPDX-License-Identifier: Apache-2.0
"""Errors for users: each names the thing, what came, and what was expected."""

from collections.abc import Iterable

MOST_SHOWN = 200  # characters of a value in an error


class ConfigurationError(ValueError):
    """Something in the parameters, the train config or the checkpoint does not fit the rest.

    where: the thing, such as a parameter's name. got: what came, expected: what was expected, both in words. choices:
    the valid values. Each is empty where the text does not follow this form.
    """

    def __init__(
        self, text: str, *, where: str = '', got: str = '', expected: str = '', choices: tuple[str, ...] = ()
    ) -> None:
        super().__init__(text)
        self.where, self.got, self.expected, self.choices = where, got, expected, choices


class ContractError(ValueError):
    """A topic carries another layout than configured; a permanent fault."""


class SimulationError(RuntimeError):
    """A hosted environment failed, timed out or ended; the text has its last output."""


def shown(value: object) -> str:
    """Return a value as an error shows it: on one line, and not longer than one reads."""
    return _shortened(repr(value))


def unknown(kind: str, name: object, valid: Iterable[object], where: str = '', hint: str = '') -> ConfigurationError:
    """Return the error for a name that is not one of `valid`; hint: a way out, after the valid names."""
    place, got, choices = f' in {where}' if where else '', _shortened(str(name)), tuple(sorted(map(str, valid)))
    return ConfigurationError(
        f"unknown {kind} '{got}'{place}; valid: {', '.join(choices)}{f'; {hint}' if hint else ''}",
        where=where or kind,
        got=got,
        expected=kind,
        choices=choices,
    )


def unfit(where: str, got: object, expected: object) -> ConfigurationError:
    """Return the error for a value that is not as expected."""
    return ConfigurationError(
        f'{where} is {got}; expected {expected}', where=where, got=str(got), expected=str(expected)
    )


def miscounted(where: str, count: int, expected: object) -> ConfigurationError:
    """Return the error for a list with more or fewer numbers than expected."""
    return ConfigurationError(
        f'{where} has {count} numbers; expected {expected}', where=where, got=f'{count} numbers', expected=str(expected)
    )


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f'{text[:MOST_SHOWN]}… ({len(text)} characters)'
