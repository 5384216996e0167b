# SPDX-License-Identifier: Apache-2.0
"""Layouts of every published run: their sizes and rates are those of the environments.

Only where the checkout of the set of published train configs lies beside this one, and hydra to compose them.
"""

import math
from pathlib import Path

from omegaconf import OmegaConf
import pytest
import yaml

from rl_policy_node.policy.layouts.isaacgymenvs import read_layout

SET = Path(__file__).resolve().parents[2].parent / 'shared' / 'conformance'
CONFIGS = SET / 'configs' / 'isaacgymenvs'
pytestmark = pytest.mark.skipif(not CONFIGS.is_dir(), reason=f'{CONFIGS} is not there')

# What the configurations themselves register before they are composed.
RESOLVERS = {
    'eq': lambda x, y: str(x).lower() == str(y).lower(),
    'contains': lambda x, y: str(x) in str(y),
    'if': lambda condition, a, b: a if condition else b,
    'resolve_default': lambda default, value: default if value == '' else value,
    'eval': lambda text: False,
}
# The environment announces sizes that are nobody's: it takes the keys of a network that was never released.
UNRELEASED = 'AllegroHandLSTM_Big'


def entries():
    if not CONFIGS.is_dir():
        return []
    listed = yaml.safe_load((SET / 'entries.yaml').read_text())
    return [pytest.param(entry, id=entry['id']) for entry in listed if entry['task']]


@pytest.fixture(scope='module')
def layout_of():
    """Return a function from an entry to the Layout of its run; composing takes long, so once for each."""
    hydra = pytest.importorskip('hydra')
    found = {}
    for name, resolver in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)

    def compose(entry):
        overrides = [f'task={entry["task"]}', f'train={Path(entry["file"]).stem}', *entry['resolve']['overrides']]
        with hydra.initialize_config_dir(str(CONFIGS), version_base='1.1'):
            config = hydra.compose('config', overrides=overrides)
            return (
                OmegaConf.to_container(config.task, resolve=True),
                OmegaConf.to_container(config.train.params, resolve=True),
            )

    def layout(entry):
        if entry['id'] not in found:
            found[entry['id']] = read_layout(*compose(entry))
        return found[entry['id']]

    yield layout
    for name in RESOLVERS:
        OmegaConf.clear_resolver(name)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('entry', entries())
def test_layout_has_the_sizes_of_the_environment(entry, layout_of):
    layout = layout_of(entry)
    found = {name: list(shape) if shape else None for name, shape in layout.shapes.items()}
    if entry['task'] == UNRELEASED:
        assert list(found) == list(entry['probe']['obs'])
        assert all(shape in (None, entry['probe']['obs'][name]) for name, shape in found.items())
    else:
        assert found == (entry['obs'] if isinstance(entry['obs'], dict) else {'obs': entry['obs']})
    assert [layout.num_actions] == entry['actions']


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('entry', entries())
def test_layout_has_the_rate_and_the_clip_of_the_environment(entry, layout_of):
    layout = layout_of(entry)
    assert layout.control_rate == pytest.approx(entry['control_hz'], abs=0.01)
    stated = str(entry['clip_obs']).split()[0]
    assert layout.clip_observations == (math.inf if stated == '.inf' else float(stated))


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('entry', entries())
def test_nothing_of_a_published_run_is_left_unfilled_or_unresolved(entry, layout_of):
    layout = layout_of(entry)
    for piece in [*layout.actions, *(term for terms in layout.inputs.values() for term in terms)]:
        assert piece.offset is not None and piece.scale is not None, piece
        assert '${' not in getattr(piece, 'law', '') + getattr(piece, 'description', ''), piece
    assert not any('${' in note for note in layout.notes)
