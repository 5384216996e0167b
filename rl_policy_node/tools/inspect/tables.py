# SPDX-License-Identifier: Apache-2.0
"""The tables of `rl_policy inspect`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table

from rl_policy_node.policy.contract.facts import Fact
from rl_policy_node.policy.summary import Summary
from rl_policy_node.policy.summary.record import Actions, Files, Observation, Sigma
from rl_policy_node.tools.inspect.term_tables import actions_table, joints_tables, meanings_table, terms_table
from rl_policy_node.tools.inspect.wording import (
    bound,
    cell,
    inputs_text,
    layers,
    number,
    numbers,
    path,
    pretty_shape,
    recurrent,
    size,
    training_text,
    with_source,
)

# name, value, where it comes from; a row without a value is not shown
_Row: TypeAlias = tuple[str, str | None, str | None]


def tables(summary: Summary) -> Iterator[RenderableType]:
    """Yield the tables in the order of printing; sources do not repeat the name of the config."""
    known = f' in {summary.files.config.name}'
    yield _section('Files', _files(summary.files))
    yield _section('Policy', _policy(summary), known)
    yield _observations(summary, known)
    yield _with_tables(_section('Actions', _actions(summary.actions), known), actions_table(summary))
    for names, table in joints_tables(summary):
        yield _titled(f'Joints of {names}, in the trained order', table)
    for title, lines, style in (
        ('What the environment did', summary.notes, 'bold cyan'),
        ('How it is played', summary.decisions, 'bold cyan'),
        ('It cannot be played', summary.problems, 'bold red'),
    ):
        if lines:
            yield _listed(title, lines, style)
    yield _section('Missing for deployment', ((missing.what, missing.why, '') for missing in summary.missing))


def _section(title: str, rows: Iterable[_Row], known: str = '') -> Group:
    """Return a titled table of (name, value, source); rows without a value are left out."""
    rows = [row for row in rows if row[1] not in (None, '')]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, min_width=12)
    table.add_column(overflow='fold')
    sourced = any(source for _, _, source in rows)
    if sourced:
        table.add_column(overflow='fold', style='dim')
    for name, value, source in rows:
        table.add_row(cell(name), cell(value), *([cell((source or '').replace(known, ''))] if sourced else ()))
    return _titled(title, table)


def _titled(title: str, content: RenderableType, style: str = 'bold cyan') -> Group:
    return Group(cell(title, style), Padding(content, (0, 0, 1, 2)))


def _files(files: Files) -> Iterator[_Row]:
    yield 'config', f'{path(files.config)} ({files.config_why})', ''
    yield 'environment', path(files.environment) if files.environment else None, ''
    yield 'checkpoint', f'{path(files.checkpoint)} ({files.checkpoint_why})' if files.checkpoint else 'none', ''
    yield 'sha256', files.sha256, ''
    if files.checkpoint:
        yield (
            'content',
            f'{size(files.size or 0)}; set aside: {", ".join(files.set_aside) or "nothing"}; '
            + ('CODE FROM IT WAS RUN, as --allow-untrusted-pickle asked' if files.executed else 'no code was run'),
            '',
        )
    for name, why in files.unresolved.items():
        yield 'unresolved', f'{name}: {why}', ''
    yield '', f'sources below are in {files.config.name} unless they name another place', ''


def _policy(summary: Summary) -> Iterator[_Row]:
    net = summary.network
    yield 'task', *with_source(summary.task)
    yield 'algorithm', *with_source(summary.algorithm)
    yield 'model', *with_source(summary.model)
    yield 'player', *with_source(summary.player)
    yield 'network', *with_source(net.name)
    yield 'inputs', *with_source(net.inputs, inputs_text)
    yield 'CNN', *with_source(net.cnn, layers)
    yield 'MLP', *with_source(net.mlp, layers)
    yield ('recurrent', *with_source(net.rnn, recurrent)) if net.rnn else ('recurrent', 'no', net.name.source)
    yield 'state', *_state(net.state)
    if net.central_value is not None:
        yield 'critic', f'asymmetric (central value, {net.central_value.value}), not played', net.central_value.source
    else:
        critic = 'a network of its own' if net.separate.value else 'shares the network of the policy'
        yield 'critic', critic, net.separate.source
    yield 'parameters', *with_source(net.parameters, lambda count: f'{count:,}')
    yield 'that act', *with_source(net.acting_parameters, lambda count: f'{count:,}')
    rate, source = with_source(summary.control_rate, lambda rate: f'{number(rate)} Hz')
    yield 'control rate', rate or 'not known', source
    yield 'training', training_text(summary.training), 'the checkpoint'


def _state(state: Fact | None) -> tuple[str | None, str]:
    if state is None or not state.value:
        return None, ''
    return ', '.join(map(pretty_shape, state.value)) + ' per robot', state.source


def _observations(summary: Summary, known: str) -> Group:
    head = _section('Observations', _inputs(summary.observations), known)
    return _with_tables(head, terms_table(summary), meanings_table(summary))


def _with_tables(head: Group, *found: Table | None) -> Group:
    return Group(head, *(Padding(table, (0, 0, 1, 2)) for table in found if table is not None))


def _inputs(observations: Sequence[Observation]) -> Iterator[_Row]:
    for observation in observations:
        shape, source = with_source(observation.shape, pretty_shape)
        yield observation.name, f'{shape or "size not known"}, {observation.dtype}', source
    first = observations[0]
    alike = all(observation.clip == first.clip for observation in observations)
    for observation in observations[:1] if alike else observations:
        clip, source = with_source(observation.clip, bound)
        yield (
            'clip' if alike else f'clip of {observation.name}',
            clip or 'not known',
            source or 'no file says whether the environment clipped',
        )
    # a setting of the player: the same for all inputs
    yield 'normalised', _normalised(first), first.normalized.source


def _normalised(observation: Observation) -> str:
    if not observation.normalized.value:
        return 'no'
    statistics = observation.statistics
    if statistics is None:
        return 'with statistics that a checkpoint holds'
    seen = f'{statistics.samples:,} observations' if statistics.samples else 'statistics that were never trained'
    return f'(x − mean) / std, then ±5; {seen}'


def _actions(actions: Actions) -> Iterator[_Row]:
    yield 'number', 'not known' if actions.size.value is None else str(actions.size.value), actions.size.source
    yield (
        'kind',
        actions.kind.replace('_', '-')
        + (f', one of {", ".join(map(str, actions.choices))}' if actions.choices else ''),
        '',
    )
    if actions.low is not None and actions.high is not None:
        yield 'bounds', f'{number(actions.low.value)} … {number(actions.high.value)}', actions.high.source
    if actions.clip is not None:
        yield (
            'clip_actions',
            'to ±1, then rescaled to the bounds' if actions.clip.value else 'no: they go out as the network gives them',
            actions.clip.source,
        )
    if actions.kind == 'continuous':
        clip, source = with_source(actions.environment_clip, bound)
        yield 'clip of env.', clip, source
        yield 'sigma', *_sigma(actions.sigma)


def _sigma(sigma: Sigma | None) -> tuple[str | None, str]:
    if sigma is None:
        return None, ''
    if sigma.least is None:
        return f'a {sigma.kind}', sigma.source
    return f'{numbers((), (sigma.least, sigma.greatest))}, for sampled actions', sigma.source


def _listed(title: str, lines: Iterable[str], style: str) -> Group:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow='fold')
    for line in lines:
        table.add_row('·', cell(line))
    return _titled(title, table, style)
