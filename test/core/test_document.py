# SPDX-License-Identifier: Apache-2.0
"""The code of docs/explanation/core.md runs, and does what the text says."""

from pathlib import Path
import re

from core.core_bench import Bench, Keeper
import numpy as np

TEXT = (Path(__file__).parents[2] / 'docs' / 'explanation' / 'core.md').read_text('utf-8')
OUTSIDE, REPLAY = re.findall(r'```python\n(.*?)```', TEXT, re.DOTALL)


def test_the_examples_of_the_document_run(policy, folder):
    bench = Bench(policy)
    names = {
        'control': bench.control,
        'policy': policy,
        'sources': bench.sources,
        'publish': bench.publish,
        'clock': bench,
        'log': bench.log,
    }
    exec(OUTSIDE, names)
    cycle, trace, keeper = names['cycle'], names['trace'], Keeper()
    bench.cycle, bench.inbox = cycle, cycle.inbox
    bench.measure()
    cycle.start()
    state = cycle.stepper.state()
    cycle._observers = (*cycle._observers, keeper)
    for step in range(3):
        bench.step(step)
    bench.inbox.write('wrench', slice(0, 1), {'force': np.array([[0.0, -50.0, 0.0]])}, bench.ros(), bench.now)
    bench.step()
    assert cycle.stepper.rows.reasons == {0: 'the wrist feels 50 N'} and len(trace.steps) == 4
    names |= {'another': cycle, 'state': state, 'frames': keeper.frames}
    exec(REPLAY, names)
    for outcome, expected in zip(names['outcomes'], keeper.outcomes):
        np.testing.assert_array_equal(outcome.commands['arm']['position'], expected.commands['arm']['position'])
    assert len(names['outcomes']) == 4
