# SPDX-License-Identifier: Apache-2.0
"""A bad network between two real nodes: the policy node says what is wrong with it, or goes on."""

import json

from nodes.harness import wait
from nodes.pair import Pair
import pytest


@pytest.mark.slow
def test_what_comes_later_than_a_source_may_is_named_and_not_acted_on(tmp_path):
    with Pair(tmp_path) as pair:
        policy = pair.policy(robots=['arm_0'], sources__socket_pose__max_age=0.05)
        bridge = pair.start('sim_bridge_node', robots=['arm_0'], sim__latency=0.08)
        stale = "source 'socket_pose' (socket_pose) is stale: stamped 0.08"
        assert wait(lambda: stale in policy.tail(100), 60), policy.tail() + bridge.tail()
        assert ', max_age 0.05 s' in policy.tail(100) and 'ee_pose' not in policy.tail(100).split(stale)[1]
        assert 'on purpose: latency 0.08 s; seed 7' in bridge.tail(100)
        assert policy.poll() is None and 'active' not in policy.tail(100).split('waiting')[-1]


@pytest.mark.slow
def test_lost_and_late_messages_within_bounds_are_survived(tmp_path):
    summary = tmp_path / 'summary.json'
    with Pair(tmp_path) as pair:
        policy = pair.policy(robots=['arm_0'])
        bridge = pair.start(
            'sim_bridge_node',
            robots=['arm_0'],
            sim__drop=0.1,
            sim__latency=0.03,
            sim__episodes=2,
            sim__episode_length=60,
            sim__rate_drift=0.1,
            sim__summary=str(summary),
        )
        assert wait(lambda: bridge.poll() is not None, 60), bridge.tail() + policy.tail()
        assert bridge.poll() == 0 and policy.poll() is None
    figures = json.loads(summary.read_text())
    imperfections = figures['imperfections']
    stated = tuple(imperfections[name] for name in ('latency', 'drop', 'rate_drift'))
    assert figures['episodes'] == 2 and stated == (0.03, 0.1, 0.1)
    # four sources, 120 steps and those before the first command: a share of 480 has a deviation of 0.014
    assert imperfections['sent'] >= 480 and abs(imperfections['lost'] / imperfections['sent'] - 0.1) < 0.06
    assert figures['latency_ms']['p50'] > 30.0
