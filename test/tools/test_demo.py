# SPDX-License-Identifier: Apache-2.0
"""The demo ends by itself and says what it saw."""

from collections import Counter
import json

from nodes.bag_bench import await_closed
import numpy as np
import pytest

from rl_policy_node.tools.bag.bag import open_bag
from rl_policy_node.tools.demo.run_record import load_record
from rl_policy_node.tools.main import main
from rl_policy_node.tools.process.processes import private_domain

pytest.importorskip('mujoco')


def test_a_short_demo_in_lockstep_writes_figures_and_report(tmp_path, capsys):
    private_domain()
    figures = tmp_path / 'figures.json'
    assert (
        main(
            [
                'demo',
                '--episodes',
                '2',
                '--robots',
                '2',
                '--lockstep',
                '--json',
                str(figures),
                '--output',
                str(tmp_path / 'demo'),
            ]
        )
        == 0
    )
    summary = json.loads(figures.read_text())
    assert summary['episodes'] == 2 and summary['steps'] == 256 and summary['deadline_misses'] == 0
    assert 0.0 <= summary['success_rate'] <= 1.0
    assert set(summary['latency_ms']) == {'p50', 'p99', 'max'} and summary['latency_ms']['p50'] > 0
    assert (tmp_path / 'demo' / 'report.html').stat().st_size > 20_000
    assert 'success' in capsys.readouterr().out
    assert_bags_are_true(tmp_path / 'demo' / 'bags', summary, capsys)


def assert_bags_are_true(bags, summary, capsys):
    """The policy does the same again, bit for bit; what the bridge published and received is what the policy got."""
    (policy,), (bridge,) = bags.glob('policy_node_*'), bags.glob('sim_bridge_node_*')
    await_closed(policy), await_closed(bridge)
    assert main(['replay', str(policy)]) == 0
    assert 'all equal bit for bit' in capsys.readouterr().out
    record = load_record(bags)
    assert record['actions'].shape == (256, 2, 6) and np.isfinite(record['latency'][1:]).all()
    assert record['dones'].sum() == summary['episodes'] and 'step' not in record
    kept = {each: Counter() for each in (policy, bridge)}
    for path, messages in kept.items():
        messages.update((each.topic, each.payload) for each in open_bag(path).messages() if each.topic[:5] == '/arm_')
    shared = {topic for topic, _ in kept[policy]}
    assert len(shared) == 2 * 5
    sent, got = (Counter({one: n for one, n in kept[each].items() if one[0] in shared}) for each in (bridge, policy))
    # at both ends a node may be alone with its message: the first observations, the last fallback
    assert sum(sent.values()) > 2500 and sum((sent - got).values()) + sum((got - sent).values()) < 40
    assert main(['replay', str(bridge)]) == 2
    assert 'without the parameters of a policy node' in capsys.readouterr().err


def test_wrong_arguments_are_named(capsys):
    with pytest.raises(SystemExit):
        main(['demo', '--robots', '0'])
    assert "--robots: '0'; expected a whole number from 1" in capsys.readouterr().err
