# SPDX-License-Identifier: Apache-2.0
"""Draft a parameter file for a simulator in place of the robot: an array for each input, the raw action back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from rl_policy_node.policy import Spaces
from rl_policy_node.policy.layouts import Scene
from rl_policy_node.sim import create_environment
from rl_policy_node.sim.environment_specs import EnvironmentSpec, GymnasiumSpec, PythonSpec
from rl_policy_node.sim.hosted import EnvironmentDescription
from rl_policy_node.tools.init.draft import Draft
from rl_policy_node.tools.init.draft_sources import ARRAY, Entry

# some of the fields of Spaces, name → value
SpaceFields: TypeAlias = dict[str, Any]

_BYTES = 'std_msgs/msg/UInt8MultiArray'
# s: lockstep waits for the simulator, and in real time a slow step of it is not a fault
_MAX_AGE = 0.5


@dataclass(frozen=True)
class Simulator:
    """Options of `rl_policy init --simulator`: sim.environment, sim.id, sim.python, and the number of rows."""

    environment: str
    id: str = ''
    python: str = ''
    rows: int = 64

    @property
    def name(self) -> str:
        """What errors call the environment: by its id, or by its factory."""
        return f'the environment {self.id or self.environment}'

    def describe(self) -> tuple[SpaceFields, float | None]:
        """Return the fields of Spaces that the environment states, and its control rate (Hz) or None.

        ({}, None) for Isaac Gym and Isaac Lab: the run states them, and neither need be installed.
        """
        if self.environment in ('isaacgym', 'isaaclab'):
            return {}, None
        environment = create_environment(
            EnvironmentSpec(self.environment, 1, gymnasium=GymnasiumSpec(self.id), python=PythonSpec(self.python))
        )
        try:
            return _fields(environment), environment.control_rate
        finally:
            environment.close()


@dataclass(frozen=True)
class Asked:
    """The scene of a run's simulator. sim: the parameters that start it, name below `sim` → value."""

    scene: Scene
    sim: Mapping[str, Any]


def _fields(environment: EnvironmentDescription) -> SpaceFields:
    shapes = environment.shapes
    fields: SpaceFields = {
        'observation': shapes['obs'] if set(shapes) == {'obs'} else shapes,
        'action': environment.actions,
    }
    images = {name: 'uint8' for name, dtype in environment.dtypes.items() if dtype == np.uint8}
    if images:
        fields['dtype'] = images
    low, high = (getattr(environment.action_space, name, None) for name in ('low', 'high'))
    if low is None or high is None:
        return fields
    if np.isfinite([low, high]).all() and not (np.all(low == -1) and np.all(high == 1)):
        fields['action_low'], fields['action_high'] = (np.ravel(bound).astype(float).tolist() for bound in (low, high))
    return fields


def draft_simulator(spaces: Spaces) -> Draft:
    """Return the Draft for a policy's Spaces: every message carries all rows in its first dimension."""
    made = Draft()
    for name, shape in spaces.inputs.items():
        message = _BYTES if spaces.dtype_of(name) == np.uint8 else ARRAY
        made.sources[name] = Entry({'topic': f'sim/{name}', 'type': message, 'rows': True, 'max_age': _MAX_AGE})
        made.inputs[name] = Entry({'terms': [name]})
        made.terms[name] = Entry({'source': name, 'field': 'data', 'shape': list(shape)})
    choices = _choices(spaces.action)
    for number, count in enumerate(choices):
        name = 'choice' if len(choices) == 1 else f'choice_{number}'
        made.actions[name] = Entry(
            {
                'kind': 'discrete',
                'topic': f'sim/{name}',
                'type': ARRAY,
                'rows': True,
                'table_columns': 1,
                'table': [float(choice) for choice in range(count)],
                'fallback_value': [0.0],
            },
            'the choice, by its number',
        )
    if not choices:
        made.actions['action'] = Entry(
            {
                'kind': 'raw',
                'topic': 'sim/action',
                'type': ARRAY,
                'rows': True,
                'size': spaces.num_actions,
                'fallback_value': [0.0],
            },
            "the policy's own numbers: the simulator has their law",
        )
    return made


def _choices(action: object) -> tuple[int, ...]:
    if not isinstance(action, dict):
        return ()
    return tuple(action['multi_discrete']) if 'multi_discrete' in action else (action['discrete'],)


def space_lines(stated: SpaceFields, flow: Callable[[object], str]) -> list[str]:
    """Return the lines of `spaces`; none for {}."""
    if not stated:
        return []
    observation = stated['observation']
    shapes = observation if isinstance(observation, dict) else {'obs': observation}
    lines = ['    spaces:                         # as the environment has them', '      observation:']
    lines += [f'        {flow(name)}: {flow(list(shape))}' for name, shape in shapes.items()]
    choices = _choices(stated['action'])
    name, counts = ('discrete', list(map(int, choices))) if choices else ('actions', stated['action'])
    lines.append(f'      {name}: {flow(counts)}')
    lines += [f'      {name}: {flow(stated[name])}' for name in ('action_low', 'action_high') if name in stated]
    return lines + ([f'      uint8: {flow(list(stated["dtype"]))}'] if 'dtype' in stated else []) + ['']


def simulator_lines(simulator: Simulator, flow: Callable[[object], str]) -> list[str]:
    """Return the lines of rows and `sim`."""
    lines = [
        f'    rows: {simulator.rows}                        # environments, all of them in one message',
        '    episode_topic: episode          # when each row began anew',
        '',
        '    sim:',
        f'      environment: {flow(simulator.environment)}',
    ]
    lines += [
        f'      {name}: {flow(value)}' for name, value in (('id', simulator.id), ('python', simulator.python)) if value
    ]
    return [
        *lines,
        '      mode: lockstep                # real_time: at control_rate, as a robot would',
        '      seed: 0',
    ]
