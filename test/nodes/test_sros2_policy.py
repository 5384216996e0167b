# SPDX-License-Identifier: Apache-2.0
"""The policy file for SROS2 permits what a running node and its guardian have, and nothing else."""

from pathlib import Path
import xml.etree.ElementTree as ElementTree

from nodes.harness import parameters

POLICY = Path(__file__).parents[2] / 'config' / 'sros2_policy.xml'
KINDS = {
    ('topics', 'subscribe'): 'subscriber',
    ('topics', 'publish'): 'publisher',
    ('services', 'reply'): 'service',
    ('services', 'request'): 'client',
}


def permitted():
    """Return (node, kind) → full names that the file permits."""
    found = {}
    for profile in ElementTree.parse(POLICY).getroot().iter('profile'):
        node = profile.get('node')
        for group in profile:
            for right, value in group.items():
                assert value == 'ALLOW'
                names = [each.text.replace('~', f'/{node}') for each in group]
                found[node, KINDS[group.tag, right]] = {f'/{name.lstrip("/")}' for name in names}
    return found


def test_what_is_permitted_is_what_there_is(arm, run):
    node = arm.start(parameters(run, guardian=True))
    assert arm.live_until(lambda: len(arm.commands) > 5, 60), node.tail(50)
    assert arm.live_until(lambda: 'policy_node_guardian' in arm.node.get_node_names(), 10)
    wanted = permitted()
    for name in ('policy_node', 'policy_node_guardian'):
        for kind in KINDS.values():
            found = getattr(arm.node, f'get_{kind}_names_and_types_by_node')(name, '/')
            assert {each for each, _ in found} == wanted.get((name, kind), set()), (name, kind)
