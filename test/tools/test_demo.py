# SPDX-License-Identifier: Apache-2.0
"""The demo ends by itself and says what it saw."""

import json

import pytest

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


def test_wrong_arguments_are_named(capsys):
    with pytest.raises(SystemExit):
        main(['demo', '--robots', '0'])
    assert "--robots: '0'; expected a whole number from 1" in capsys.readouterr().err
