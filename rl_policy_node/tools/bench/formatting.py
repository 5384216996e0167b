# SPDX-License-Identifier: Apache-2.0
"""Formats numbers, times and tables for Markdown."""

from collections.abc import Iterable, Sequence

from rl_policy_node.tools.bench.section import Results


def table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; the first column holds words, the others numbers."""
    align = ['---'] + ['---:'] * (len(head) - 1)
    return '\n'.join('| ' + ' | '.join(map(str, row)) + ' |' for row in (head, align, *rows))


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with `digits` significant digits and no exponent: 0.0123, 1.23, 1,230."""
    if value is None or value != value:
        return '–'
    mantissa, _, exponent = f'{value:.{digits - 1}e}'.partition('e')
    places = max(0, digits - 1 - int(exponent)) if float(mantissa) else 0
    return f'{float(f"{mantissa}e{exponent}"):,.{places}f}'


def time_text(us: float | None) -> str:
    """Return a time in µs as µs or ms."""
    return '–' if us is None or us != us else f'{number(us)} µs' if us < 1e3 else f'{number(us / 1e3)} ms'


def seconds_text(seconds: float | None) -> str:
    """Return a time in s as s or ms."""
    return '–' if seconds is None else f'{number(seconds)} s' if seconds >= 1 else time_text(seconds * 1e6)


def times(ratio: float | None) -> str:
    """Return `3.14×`."""
    return '–' if ratio is None or ratio != ratio else f'{number(ratio)}×'


def machine_line(found: Results) -> str:
    """Return a line with the conditions of the figures: machine, versions, day, number of runs."""
    machine, options = found['machine'], found['options']
    versions = ', '.join(f'{name} {version}' for name, version in machine['versions'].items())
    where = f'{machine["gpu"]} (CUDA {machine["cuda"]}), ' if 'gpu' in machine else ''
    quick = ' A quick run: too short for its figures to mean much.' if options['quick'] else ''
    return (
        f'{where}{machine["processor"]}, {machine["cores"]} cores, {machine["memory_gb"]} GB, {machine["system"]}, '
        f'Python {machine["python"]}, {versions}; {machine["date"]}. Medians of {options["runs"]} interleaved '
        f'runs.{quick}'
    )
