# SPDX-License-Identifier: Apache-2.0
"""Drafts state joints and offsets once, and by name."""

import copy

from hypothesis import given
from hypothesis import strategies as st
from tools.runs import ANGLES, ANYMAL, LEGS, write_run
import yaml

from rl_policy_node.nodes.parameters.joint_lists import written_out
from rl_policy_node.tools.init.draft_joints import group_joints, name_offsets
from rl_policy_node.tools.init.draft_sources import Entry
from rl_policy_node.tools.init.init import init


def shortened(terms, actions):
    """Return the file of terms and actions (name → values) as a draft shortens it."""
    terms, actions = ({name: Entry(dict(values)) for name, values in part.items()} for part in (terms, actions))
    numbers = name_offsets([*terms.values(), *actions.values()])
    groups = group_joints(terms, actions)
    return {
        'joint_groups': groups,
        'joint_values': numbers,
        'terms': {name: entry.values for name, entry in terms.items()},
        'actions': {name: entry.values for name, entry in actions.items()},
    }


def lists(file):
    """Return name → value of a file, written out as the node does it."""
    return written_out(dict(flat(file)))


def flat(tree, prefix=''):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{name}.')
        else:
            yield prefix + name, value


def test_what_is_shared_stands_once_and_the_rest_by_name():
    legs, offset = ['a', 'b', 'c'], [0.1, 0.2, 0.3]
    file = shortened(
        {
            'position': {'joints': [*legs, 'tail'], 'offset': [*offset, 0.4]},
            'velocity': {'joints': legs},
            'other': {'joints': ['x', 'y'], 'offset': [1.0, 2.0]},
            'twice': {'joints': ['x', 'y'], 'offset': [1.0, 3.0]},
            'open': {'joints': ['u', 'v'], 'offset': ['???', 1.0]},
            'alike': {'joints': ['u', 'v'], 'offset': [0.5, 0.5]},
            'blank': {'joints': ['???'] * 2, 'offset': [0.1, 0.2]},
        },
        {'legs': {'joints': legs, 'offset': offset}, 'joint_pos': {'joints': ['u', 'v']}},
    )
    assert file['joint_groups'] == {'legs': legs, 'joints': ['u', 'v'], 'joints_2': ['x', 'y']}
    assert file['joint_values'] == {'offsets': {'a': 0.1, 'b': 0.2, 'c': 0.3, 'tail': 0.4}}
    terms = file['terms']
    assert terms['position'] == {'joints': [*legs, 'tail'], 'offset': '@offsets'}
    assert file['actions']['legs'] == {'joints': ['@legs'], 'offset': '@offsets'}
    # these two contradict one another
    assert terms['other']['offset'] == {'x': 1.0, 'y': 2.0} and terms['twice']['offset'] == {'x': 1.0, 'y': 3.0}
    assert terms['open']['offset'] == ['???', 1.0] and terms['alike']['offset'] == [0.5, 0.5]
    assert terms['blank'] == {'joints': ['???'] * 2, 'offset': [0.1, 0.2]}


@st.composite
def files(draw):
    """Draw terms and actions over a few joints, whose offsets often agree."""
    defaults = {joint: draw(st.sampled_from([0.0, 0.5, -1.0])) for joint in 'abcde'}

    def entry():
        joints = draw(st.lists(st.sampled_from('abcde'), min_size=1, max_size=5, unique=True))
        offset = [defaults[joint] for joint in joints]
        if draw(st.booleans()):
            offset[0] = draw(st.sampled_from([0.0, 2.0]))
        return {'joints': joints, **({'offset': offset} if draw(st.booleans()) else {})}

    terms = {name: entry() for name in draw(st.sets(st.sampled_from(['q', 'v', 'joint_pos'])))}
    return terms, {name: entry() for name in draw(st.sets(st.sampled_from(['legs', 'hand', 'joint_pos'])))}


@given(files())
def test_a_shortened_file_means_the_same(file):
    terms, actions = file
    before = {'terms': copy.deepcopy(terms), 'actions': copy.deepcopy(actions)}
    assert lists(shortened(terms, actions)) == dict(flat(before))


def test_the_draft_of_anymal_has_its_joints_and_its_default_angles_once(tmp_path):
    init(write_run(tmp_path / 'run', ANYMAL), tmp_path / 'robot.yaml')
    text = (tmp_path / 'robot.yaml').read_text()
    written = yaml.safe_load(text)['/**']['ros__parameters']
    assert written['joint_groups'] == {'legs': LEGS} and written['joint_values'] == {'offsets': dict(zip(LEGS, ANGLES))}
    for entry in (written['terms']['joint_pos'], written['actions']['legs']):
        assert (entry['joints'], entry['offset']) == (['@legs'], '@offsets')
    assert text.count('RH_KFE') == 2 and text.count("robot's where they differ") == 1
