# SPDX-License-Identifier: Apache-2.0
"""The parameter reference, generated from the declarations."""

import math
from typing import Final

from rl_policy_node.adapters import reference
from rl_policy_node.control.action_terms import KINDS as ACTIONS
from rl_policy_node.control.terms.kinds import KINDS
from rl_policy_node.nodes.parameters import schema
from rl_policy_node.nodes.parameters.remote_parameters import AT_START, AT_START_WITH_COLON
from rl_policy_node.options import leaves, TO_JOINTS, TO_PATHS

_GROUPS: Final = {
    'policy': 'What to load',
    'spaces': 'Spaces, where neither the run nor the weights tell them',
    '': 'The node',
    'scheduling': 'Scheduling of the control thread',
    'enable': 'Enable: who lets the robots move',
    'robot_state': "Robot state: whether the robot's driver lets it move",
    'ood': 'Out of distribution: the policy sees what its training did not',
    'stream': 'Streams: what the policy sees and answers, live',
    'record': 'Recording: a bag of each activation',
    schema.JOINT_GROUPS: 'Joint groups: names, stated once',
    schema.JOINT_VALUES: 'Joint values: numbers by joint, stated once',
    'sources': 'Sources: what comes in',
    'inputs': 'Inputs: what the network sees',
    'terms': 'Observation terms',
    'actions': 'Action terms: what goes out',
    'sim': 'The simulator bridge',
}


def markdown() -> str:
    """Return docs/reference/parameters.md."""
    lines = [
        '# Parameters',
        '',
        'Both nodes read the same file. `*` is a name of your own. A name that is not in this list, or a value',
        'that does not fit, refuses configuration and is named. Written by `rl_policy parameters`.',
        '',
        'What names code, or loosens what may be loaded, is set by parameter files and overrides at start only; '
        'the parameter services refuse it:',
        f'{_named(AT_START)};',
        f'{_named(AT_START_WITH_COLON)}, where the value is `package.module:Class`.',
        '',
        'The type says **joints** where groups of joints may stand, **by joint** where numbers may be stated by the '
        'names of joints, and **path** where a relative one begins at the folder of the parameter file, else at the '
        'working directory: [Parameter files](parameter_files.md).',
        '',
    ]
    for group, title in _GROUPS.items():
        lines += [f'## {title}', '', '| parameter | type | default | meaning |', '|---|---|---|---|']
        lines += [_row(p) for p in schema.PARAMETERS if (p.name.split('.')[0] if '.' in p.name else '') == group]
        lines.append('')
        lines += _KINDS[group]() if group in _KINDS else []
    return '\n'.join(lines)


def _named(names: tuple[str, ...]) -> str:
    return ', '.join(f'`{name}`' for name in names)


def _message_types() -> list[str]:
    lines = [
        '### Message types',
        '',
        '`package.module:Class` names an adapter of your own, a subclass of `rl_policy_node.adapters.Adapter`.',
        '',
        '| type | fields: shape, unit | |',
        '|---|---|---|',
    ]
    for entry in reference():
        fields = '; '.join(
            f'`{field.name}` {field.shape}{f" {field.unit}" if field.unit else ""}' for field in entry.fields
        )
        lines.append(f'| {entry.type_name} | {fields} | {entry.note} |')
    return [*lines, '']


def _kinds_of_actions() -> list[str]:
    lines = ['| kind | law | commands as | fallbacks, the first by default |', '|---|---|---|---|']
    for name, kind in ACTIONS.items():
        law = ' '.join((kind.__doc__ or '').split('\n\n')[0].split())
        types = ', '.join(type_name.rpartition('/')[2] for type_name in kind.message_types)
        lines.append(f'| `{name}` | {law} | {types} | {", ".join(kind.fallbacks)} |')
    return [*lines, '']


def _kinds_of_terms() -> list[str]:
    lines = [
        'Whatever the kind, the value goes through − offset → clip → × scale → history. q is an orientation',
        'x, y, z, w; R(q) its matrix.',
        '',
        '| kind | what it computes | its own parameters |',
        '|---|---|---|',
    ]
    for name, kind in KINDS.items():
        options = ', '.join(f'**{o}**' if leaf.option.required else o for o, leaf in leaves(kind.option_class).items())
        lines.append(f'| `{name}` | {kind.description} | {options} |')
    return [*lines, '']


# group → the tables below its parameters
_KINDS: Final = {'terms': _kinds_of_terms, 'sources': _message_types, 'actions': _kinds_of_actions}


def _row(parameter: schema.Parameter) -> str:
    choices = f' One of {", ".join(f"`{c}`" for c in parameter.choices)}.' if parameter.choices else ''
    if parameter.default is schema.REQUIRED:
        default = 'required'
    elif parameter.default == math.inf:
        default = 'none'
    elif parameter.from_run:
        default = "the run's"
    else:
        text = str(parameter.default).lower() if isinstance(parameter.default, bool) else repr(parameter.default)
        default = f'`{text}`'
    forms = {TO_JOINTS: ' joints', TO_PATHS: ' path', '': ' by joint' if parameter.by_joint else ''}
    return (
        f'| `{parameter.name}` | {parameter.type}{forms[parameter.refers_to]} | {default} '
        f'| {parameter.description}{_bounds(parameter)}.{choices} |'
    )


def _bounds(parameter: schema.Parameter) -> str:
    unit = f' {parameter.unit}' if parameter.unit else ''
    low, high = parameter.low, parameter.high
    if math.isfinite(low) and math.isfinite(high):
        return f' ({low:g} to {high:g}{unit})'
    if math.isfinite(low):
        return f' (from {low:g}{unit})'
    return f' ({parameter.unit})' if parameter.unit else ''
