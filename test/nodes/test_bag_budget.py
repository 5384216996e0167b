# SPDX-License-Identifier: Apache-2.0
"""The disk space of bags: the oldest of ours go first, and nothing else goes."""

from nodes.bag_bench import TOPICS
import pytest

from rl_policy_node.nodes.policy.record.bag_budget import make_room
from rl_policy_node.nodes.policy.record.bag_folder import BagFolder

SIZE = 100_000


def bag(directory, name, started, close=True):
    """Return a bag of about SIZE bytes."""
    made = BagFolder(directory, name, TOPICS, 'jazzy', {'started': str(started)})
    made.file.attach('ballast', 'x', bytes(SIZE), 0)
    if close:
        made.close()
    return made


@pytest.fixture
def three(tmp_path):
    """Three bags, the oldest last by name."""
    for age, name in enumerate(('c', 'b', 'a')):
        bag(tmp_path, name, started=100 + age)
    return tmp_path


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_the_oldest_goes_first(three):
    own = bag(three, 'own', 200, close=False)
    removed, over = make_room(three, own.path, own.size, int(3.8 * SIZE))
    assert [path.name for path in removed] == ['c'] and over == 0 and names(three) == ['a', 'b', 'own']
    assert make_room(three, own.path, own.size, int(3.8 * SIZE)) == ([], 0)
    own.close()


def test_nothing_goes_while_there_is_room(three):
    assert make_room(three, three / 'own', 0, 10 * SIZE) == ([], 0) and names(three) == ['a', 'b', 'c']


def test_the_own_bag_and_those_of_other_recorders_stay_and_what_is_over_is_told(three):
    other, own = bag(three, 'other', 50, close=False), bag(three, 'own', 200, close=False)
    removed, over = make_room(three, own.path, own.size, SIZE)
    assert len(removed) == 3 and names(three) == ['other', 'own'] and SIZE < over < 1.3 * SIZE
    other.close(), own.close()


def test_what_is_not_ours_stays(three, tmp_path):
    (three / 'notes.txt').write_text('keep')
    (three / 'empty').mkdir()
    foreign = bag(three, 'foreign', 1).path
    text = (foreign / 'metadata.yaml').read_text()
    (foreign / 'metadata.yaml').write_text(text.replace('rl_policy_node: policy node', 'other: bag'))
    (three / 'broken').mkdir()
    (three / 'broken' / 'metadata.yaml').write_text('[')
    (three / 'link').symlink_to(three / 'a')
    (three / 'a' / 'remarks.txt').write_text('keep')
    removed, _ = make_room(three, three / 'own', 0, 0)
    assert sorted(path.name for path in removed) == ['a', 'b', 'c']
    assert names(three) == ['a', 'broken', 'empty', 'foreign', 'link', 'notes.txt']
    assert names(three / 'a') == ['remarks.txt'] and (foreign / 'foreign_0.mcap').exists()


def test_files_that_metadata_names_outside_of_the_folder_stay(three):
    metadata = three / 'a' / 'metadata.yaml'
    metadata.write_text(metadata.read_text().replace('[a_0.mcap]', '[../precious.mcap]'))
    (three / 'precious.mcap').write_bytes(b'keep')
    make_room(three, three / 'own', 0, 0)
    assert (three / 'precious.mcap').exists()
