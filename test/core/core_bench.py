# SPDX-License-Identifier: Apache-2.0
"""A cycle without ROS: sources that are written by hand, a small real policy, commands kept."""

import numpy as np
from policy.small_runs import params, save, write

from rl_policy_node.control.action_spec import action_spec
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import control_spec, SourceSpec, term_spec
from rl_policy_node.core import assemble, create_trigger
from rl_policy_node.policy import Policy, Spaces

JOINTS = ('hip', 'knee', 'ankle')
PERIOD = 0.02
LSTM = {'rnn': {'name': 'lstm', 'units': 8, 'layers': 1, 'before_mlp': True}}
SHAPES = {
    'joints': {'position': ((3,), np.float64), 'velocity': ((3,), np.float64)},
    'wrench': {'force': ((3,), np.float64)},
}
NUMBERS = {'plain': 9, 'rich': 24}  # of the observation, by the terms below


class Sensor:
    """A source that is written by hand."""

    def __init__(self, spec, rows):
        self.buffer = SourceBuffer(spec, SHAPES[spec.name], rows, depth=8 if spec.alignment == 'asof' else 1)
        self.joints = JOINTS if spec.name == 'joints' else ()


class Log:
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def info(self, text, **_):
        self.lines.append(text)

    warning = error = info


class Keeper:
    """A StepObserver that keeps every frame and what came of it."""

    def __init__(self):
        self.frames, self.outcomes = [], []

    def observe(self, frame, outcome):
        self.frames.append(frame.copy())
        self.outcomes.append(outcome.copy())


def policy_of(folder, terms='plain', rows=2, **options):
    """Return a tiny recurrent policy of the numbers that the terms have."""
    file, spaces = folder / f'{terms}.yaml', Spaces((NUMBERS[terms],), 3)
    if not file.exists():
        write(file, {'params': params(network=LSTM)})
        save(folder / f'{terms}.pth', file, spaces)
    return Policy.load(file, folder / f'{terms}.pth', rows=rows, device='cpu', **options)


def control_of(terms='plain', robots=('left', 'right'), trigger='timer', action=None, sources=None, **changes):
    """Return a ControlSpec of an arm with a wrist sensor.

    terms: 'rich' has a history, the last action, a clock and a tare besides.
    """
    specs = {name: SourceSpec(name, name, 'x', **{'max_age': 0.2, **(sources or {}).get(name, {})}) for name in SHAPES}
    named = {
        'position': term_spec('position', source='joints', field='position', joints=JOINTS, offset=(0.1, 0.2, 0.3)),
        'velocity': term_spec('velocity', source='joints', field='velocity', joints=JOINTS, scale=(0.05,)),
        'force': term_spec('force', source='wrench', field='force', clip=20.0),
    }
    if terms == 'rich':
        named |= {
            'force': term_spec('force', source='wrench', field='force', difference_to_tare=True, tare_frames=3),
            'past': term_spec(
                'past', source='joints', field='position', joints=JOINTS[:2], history=5, history_stride=2
            ),
            'last': term_spec('last', kind='last_action'),
            'phase': term_spec('phase', kind='phase', frequency=1.3),
        }
    arm = action_spec(
        'arm',
        'joint_position',
        'commands',
        'x',
        source='joints',
        **{'joints': JOINTS, 'scale': (0.5,), 'offset': (0.1, 0.2, 0.3), **(action or {})},
    )
    changes = {'resume': 'automatic', 'resume_after': 0.0, **changes}
    return control_spec(
        robots=robots,
        control_rate=1 / PERIOD,
        trigger=trigger,
        lockstep_timeout=10.0,
        sources=specs,
        terms=named,
        inputs={'obs': tuple(named)},
        actions=(arm,),
        **changes,
    )


class Bench:
    """A cycle with a hand on every wire. sent: (commands, stamps, rows) of each publication; now: s, of both clocks."""

    def __init__(self, policy, control=None, trigger=None, observers=(), checks=(), moments=None):
        self.control, self.now, self.sent, self.log = control or control_of(), 100.0, [], Log()
        self.sources = {name: Sensor(spec, self.control.rows) for name, spec in self.control.sources.items()}
        self.trigger, self.keeper = trigger or create_trigger(self.control), Keeper()
        self.cycle = assemble(
            self.control,
            policy,
            self.sources,
            self.publish,
            self,
            self.log,
            trigger=self.trigger,
            observers=[self.keeper, *observers],
            checks=checks,
            moments=moments or {},
        )
        self.inbox, self.rows = self.cycle.inbox, self.cycle.stepper.rows

    def steady(self):
        return self.now

    def ros(self):
        return round(self.now * 1e9)

    def publish(self, commands, stamps, rows):
        self.sent.append((commands, {name: each.copy() for name, each in stamps.items()}, rows))

    @property
    def positions(self):
        """The positions that were commanded last, (rows, 3)."""
        return self.sent[-1][0]['arm']['position']

    def measure(self, rows=None, seed=0, stamp=None, sources=tuple(SHAPES)):
        """Let rows measure numbers that depend on row and seed alone; stamp: ns, now unless said otherwise."""
        for row in range(self.control.rows) if rows is None else rows:
            random = np.random.default_rng([seed, row])
            for name, shapes in SHAPES.items():
                arrays = {field: random.uniform(-1, 1, (1, *shape)) for field, (shape, _) in shapes.items()}
                if name in sources:
                    self.inbox.write(
                        name, slice(row, row + 1), arrays, self.ros() if stamp is None else stamp, self.now
                    )

    def step(self, seed=None, rows=None):
        """Let a period go by and, where a seed is given, rows measure; then step."""
        self.now += PERIOD
        if seed is not None:
            self.measure(rows, seed)
        self.cycle.step()
        return self.positions
