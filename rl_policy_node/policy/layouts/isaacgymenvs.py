# SPDX-License-Identifier: Apache-2.0
"""Layouts of IsaacGymEnvs' tasks: facts in isaacgymenvs.yaml, numbers from the run's own task config."""

from functools import cache
import math
from pathlib import Path
from typing import Any

from rl_policy_node.policy.layouts.entries import action_of, term_of
from rl_policy_node.policy.layouts.layout import Layout, LayoutTerm
from rl_policy_node.policy.layouts.template import Template
from rl_policy_node.policy.run.yaml_file import read_yaml
from rl_policy_node.policy.shared_types import YamlTree

CATALOGUE = Path(__file__).with_name('isaacgymenvs.yaml')
# OmniIsaacGymEnvs has tasks of the same names that observe and act otherwise; these names stand in its `sim` alone.
_OMNIVERSE = {
    'add_ground_plane',
    'disable_contact_processing',
    'default_physics_material',
    'use_fabric',
    'use_flatcache',
    'enable_scene_query_support',
}
# The one network to which the environment gives the dict itself instead of one vector.
_TAKES_DICT = 'complex_net'


def read_layout(task: YamlTree, params: YamlTree) -> Layout | None:
    """Return the Layout of a run, None where the task is not known.

    task: the task half of the run's config, resolved, a plain dict (`name`, `env`, `sim`, …).
    params: rl_games' params, whose network says which keys of a dict observation it takes and in which order.
    Raises ConfigurationError where the run lacks what decides which numbers were observed.
    """
    entry = _catalogue().get(task.get('name', ''))
    if entry is None or _OMNIVERSE & set(task.get('sim') or ()):
        return None
    template = Template(task, f'task {task["name"]}')
    rest: YamlTree = {key: template.fill(value) for key, value in entry.items() if key not in ('inputs', 'keys')}
    return Layout(
        task=task['name'],
        inputs=_inputs(entry, template, params.get('network') or {}),
        actions=tuple(action_of(_annealed(action)) for action in rest.get('actions') or ()),
        joints=tuple(rest.get('joints') or ()),
        notes=tuple(rest.get('notes') or ()),
        control_rate=_rate(template, rest.get('steps', 1), rest.get('extra_steps', 0)),
        clip_observations=_bound(template.get(rest.get('clip', 'env.clipObservations'))),
    )


@cache
def _catalogue() -> YamlTree:
    tasks: YamlTree = read_yaml(CATALOGUE, 'catalogue')['tasks']
    return tasks


def _inputs(entry: YamlTree, template: Template, network: YamlTree) -> dict[str, tuple[LayoutTerm, ...]]:
    known = entry.get('keys')
    if known is not None and network.get('inputs'):
        terms = {key: _keyed(key, known, template, None) for key in network['inputs']}
        return terms if network.get('name') == _TAKES_DICT else {'obs': sum(terms.values(), ())}
    if 'inputs' not in entry:
        shapes: Any = template.get('env.obsDims', {})
        keys = dict.fromkeys([*(network.get('input_preprocessors') or ()), *shapes])
        return {key: _keyed(key, known, template, shapes.get(key)) for key in keys}
    filled: YamlTree = {name: template.fill(terms) for name, terms in entry['inputs'].items()}
    return {name: tuple(term_of(term) for term in terms) for name, terms in filled.items()}


def _keyed(key: str, known: Any, template: Template, shape: Any) -> tuple[LayoutTerm, ...]:
    """Return the terms of a key of a dict observation; a `shape` that the run states goes first."""
    if key not in known:
        return (
            LayoutTerm(
                key,
                None if shape is None else tuple(shape),
                'unknown',
                description='not an observation of the released environment',
            ),
        )
    entry: Any = template.fill(known[key])
    if isinstance(entry, list):
        return tuple(map(term_of, entry))
    return (term_of({'name': key, **entry, **({} if shape is None else {'shape': shape})}),)


def _annealed(entry: YamlTree) -> YamlTree:
    """Return an action's entry with one number for a smoothing that Dextreme annealed while it trained."""
    if not isinstance(entry.get('smoothing'), dict):
        return entry
    return {
        **entry,
        'smoothing': entry['smoothing']['range'][0],
        'law': f'{entry["law"]}; of the range, which '
        'training went down from its greatest to its least, the least is taken',
    }


def _bound(value: object) -> float:
    """Return a bound as a number; none, zero and less mean none, and so does one for each key."""
    return float(value) if isinstance(value, (int, float)) and value > 0 else math.inf


def _rate(template: Template, steps: Any, extra_steps: Any) -> float | None:
    """Return how often the policy stepped, Hz: controlFrequencyInv · steps · (1 + extra_steps) times `sim.dt` s."""
    dt: Any = template.get('sim.dt')
    inverse: Any = template.get('env.controlFrequencyInv', 1)
    if dt is None or steps is None:
        return None
    count = int(inverse) * int(steps) * (1 + int(extra_steps or 0))
    return 1.0 / (float(dt) * count)
