# SPDX-License-Identifier: Apache-2.0
"""Calls of a node's parameter services with random names, types and values, before configure and while it acts."""

from __future__ import annotations

import array
from collections import Counter
from pathlib import Path
import random
import time
from typing import Any

from chaos_rig import Bench, parameters, POSITION, Robot, write_run
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rich.progress import Progress

from rl_policy_node.nodes.parameters import schema

SOURCES = ['joints', 'wrench']
# what the parts of a name with * are called, and parts that nothing is called
NAMES = ('joints', 'wrench', 'arm', 'obs', 'joints_position', 'nothing', '*', '')
ODD_NAMES = (
    '',
    '.',
    'policy',
    'policy.',
    '..a',
    'a' * 500,
    'use_sim_time',
    'qos_overrides./commands.publisher.depth',
    'ß.€',
    'actions',
    'terms.a.b.c.d',
    'x\x01y',
    'control_rate ',
    '/control_rate',
)
NUMBERS = (0.0, -0.0, 1.0, 0.5, -1.0, 1e-300, 1e308, float('nan'), float('inf'), float('-inf'), 50.0)
WHOLE = (0, 1, -1, 2**31, 2**63 - 1, -(2**63), 50)
TEXTS = ('', 'none', 'auto', '???', '/etc/passwd', 'os:system', 'x' * 2000, 'sensor_msgs/msg/JointState', 'ß', '\n[')
TYPES = (*range(10), 10, 77, 200, 255)  # of which those from 10 on are none
PATIENCE = 10.0  # s for an answer


def name(chance: random.Random) -> str:
    """Return a parameter's name: of one that is, of one that might be, or none."""
    if chance.random() < 0.15:
        return chance.choice(ODD_NAMES)
    parts = chance.choice(schema.PARAMETERS).name.split('.')
    return '.'.join(chance.choice(NAMES) if part == '*' else part for part in parts)


def value(chance: random.Random) -> ParameterValue:
    """Return a value of any type, one of those that are none included."""
    size = chance.choice((0, 1, 3, 200))
    return ParameterValue(
        type=chance.choice(TYPES),
        bool_value=chance.random() < 0.5,
        integer_value=chance.choice(WHOLE),
        double_value=chance.choice(NUMBERS),
        string_value=chance.choice(TEXTS),
        byte_array_value=[bytes([chance.randrange(256)]) for _ in range(size)],
        bool_array_value=[chance.random() < 0.5 for _ in range(size)],
        integer_array_value=array.array('q', [chance.choice(WHOLE) for _ in range(size)]),
        double_array_value=array.array('d', [chance.choice(NUMBERS) for _ in range(size)]),
        string_array_value=[chance.choice(TEXTS) for _ in range(size)],
    )


def fitting(chance: random.Random) -> Parameter:
    """Return a change that a node which acts may take, unless its number does not do."""
    number = chance.choice((0.0, 0.3, 0.5, 1.0, *NUMBERS))
    if chance.random() < 0.5:
        return Parameter(name='blend', value=ParameterValue(type=3, double_value=number))
    numbers = array.array('d', [number] * chance.choice((1, 3, 3, 2)))
    return Parameter(name='actions.arm.scale', value=ParameterValue(type=8, double_array_value=numbers))


class Caller:
    """Calls the parameter services of a robot's node, and looks whether what they answer is so.

    calls: of each service. unanswered, half: calls without an answer; sets that took effect in part, or otherwise than
    was answered, in words.
    """

    def __init__(self, bench: Bench, robot: Robot) -> None:
        self._bench, self._robot, self._clients = bench, robot, dict[type, Any]()
        self.calls, self.unanswered, self.half, self.taken = Counter[str](), list[str](), list[str](), 0

    def call(self, kind: type, service: str, request: Any) -> Any:
        """Call a service; return its response, None where none came."""
        self.calls[service] += 1
        if kind not in self._clients:
            self._clients[kind] = self._bench.node.create_client(kind, f'/{self._robot.name}/policy_node/{service}')
            # the way back is found a little later, and an answer without one is lost
            self._bench.live_until(self._clients[kind].service_is_ready, PATIENCE)
            self._bench.live(0.5)
        client = self._clients[kind]
        if self._bench.live_until(client.service_is_ready, PATIENCE):
            future = client.call_async(request)
            if self._bench.live_until(future.done, PATIENCE):
                return future.result()
            client.remove_pending_request(future)
        self.unanswered.append(f'{service}: {str(request)[:300]}')
        return None

    def values(self, names: list[str]) -> list[str]:
        """Return what parameters are, to be compared."""
        response = self.call(GetParameters, 'get_parameters', GetParameters.Request(names=names))
        return [repr(each) for each in response.values] if response else []

    def random_call(self, chance: random.Random) -> None:
        """Ask for something, or change something and look what came of it."""
        kind = chance.random()
        if kind < 0.1:
            names = [name(chance) for _ in range(chance.randrange(4))]
            self.call(DescribeParameters, 'describe_parameters', DescribeParameters.Request(names=names))
        elif kind < 0.2:
            names = [name(chance) for _ in range(chance.randrange(4))]
            self.call(GetParameterTypes, 'get_parameter_types', GetParameterTypes.Request(names=names))
        elif kind < 0.3:
            prefixes = [name(chance).split('.')[0] for _ in range(chance.randrange(3))]
            request = ListParameters.Request(prefixes=prefixes, depth=chance.choice((0, 1, 2, 2**63)))
            self.call(ListParameters, 'list_parameters', request)
        else:
            changes = [
                fitting(chance) if chance.random() < 0.4 else Parameter(name=name(chance), value=value(chance))
                for _ in range(chance.choice((1, 1, 2, 3)))
            ]
            # of the same name twice nobody could say afterwards which one counted
            changes = list({each.name: each for each in changes}.values())
            self._set(changes, together=chance.random() < 0.5)

    def _set(self, changes: list[Parameter], together: bool) -> None:
        # one name that nobody declared, and rclpy answers for none of them
        before = [self.values([each.name]) for each in changes]
        if together:
            request = SetParametersAtomically.Request(parameters=changes)
            response = self.call(SetParametersAtomically, 'set_parameters_atomically', request)
            results = [response.result] * len(changes) if response else []
        else:
            response = self.call(SetParameters, 'set_parameters', SetParameters.Request(parameters=changes))
            results = list(response.results) if response else []
        if not response:
            return
        if len(results) != len(changes):
            self.half.append(f'{len(results)} results for {[each.name for each in changes]}')
            return
        for change, result, old in zip(changes, results, before):
            new = self.values([change.name])
            wanted = old
            if result.successful:
                self.taken += 1
                wanted = [repr(_only(change.value))] if change.value.type else [repr(ParameterValue())]
            if new != wanted and not (result.successful and not change.value.type and not new):
                self.half.append(
                    f'{change.name} type {change.value.type}: answered {result.successful} '
                    f'{result.reason[:200]!r}, {"together" if together else "each"} with '
                    f'{[each.name for each in changes]}'
                )


def _only(given: ParameterValue) -> ParameterValue:
    """Return a value without what its type does not use."""
    field = (
        '',
        'bool_value',
        'integer_value',
        'double_value',
        'string_value',
        'byte_array_value',
        'bool_array_value',
        'integer_array_value',
        'double_array_value',
        'string_array_value',
    )[given.type]
    return ParameterValue(type=given.type, **{field: getattr(given, field)})


def run(options: Any, folder: Path, progress: Progress) -> dict[str, Any]:
    """Make `number` calls, half of them before configure and half while the node acts; return what was seen."""
    write_run(folder, SOURCES)
    task, found = progress.add_task('calls', total=options.number), {}
    for phase, share in (('unconfigured', options.number // 2), ('acting', options.number - options.number // 2)):
        chance, acting = random.Random(options.seed), phase == 'acting'
        with Bench(folder) as bench:
            robot = bench.robot(phase, SOURCES)
            process = robot.start(parameters(folder, SOURCES, POSITION, autostart=acting))
            if acting and not bench.acts(robot):
                raise SystemExit(f'the node does not act:\n{process.tail()}')
            caller, began = Caller(bench, robot), time.monotonic()
            while caller.calls.total() < share and len(caller.unanswered) < 5 and process.poll() is None:
                caller.random_call(chance)
                progress.update(task, completed=min(caller.calls.total(), share) + (options.number // 2) * acting)
            found[phase] = _ending(bench, robot, caller, acting) | {'seconds': round(time.monotonic() - began, 1)}
    return {'phases': found}


def _ending(bench: Bench, robot: Robot, caller: Caller, acting: bool) -> dict[str, Any]:
    died = robot.process.poll()
    if acting:
        # who acts goes on acting: with a scale and a blend that move it
        for change in (
            Parameter(name='blend', value=ParameterValue(type=3, double_value=1.0)),
            Parameter(name='actions.arm.scale', value=ParameterValue(type=8, double_array_value=[1.0])),
        ):
            caller.call(SetParameters, 'set_parameters', SetParameters.Request(parameters=[change]))
        if died is None:
            bench.resume(robot)
        alive = died is None and bench.acts(robot, 10.0)
    else:
        request = ChangeState.Request()
        request.transition.id = Transition.TRANSITION_CONFIGURE
        answer = died is None and bench.call(ChangeState, f'/{robot.name}/policy_node/change_state', request, 60.0)
        alive = died is None and answer is not None
    log = Path(robot.process.log).read_text(errors='replace')
    return {
        'exit_code': died,
        'alive': alive,
        'calls': dict(caller.calls),
        'taken': caller.taken,
        'unanswered': caller.unanswered[:20],
        'half': caller.half[:20],
        'halves': len(caller.half),
        **robot.watch.figures(),
        'tracebacks': log.count('Traceback'),
        'log_end': log[log.find('Traceback') :][:3000] if 'Traceback' in log else '',
        'broken': bool(not alive or caller.unanswered or caller.half or robot.watch.broken or 'Traceback' in log),
    }


def broken(found: dict[str, Any]) -> bool:
    """Whether a call was not answered, was answered wrongly, or the node is gone."""
    return any(phase['broken'] for phase in found['phases'].values())
