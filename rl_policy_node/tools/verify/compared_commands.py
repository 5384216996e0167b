# SPDX-License-Identifier: Apache-2.0
"""Each command of a file, beside the joint targets that the simulator's own action terms set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from rl_policy_node.control.action_spec import ActionSpec
from rl_policy_node.control.arrays import Array
from rl_policy_node.mismatch import compare, Series, Written
from rl_policy_node.options import value_of
from rl_policy_node.tools.verify.finding import Finding
from rl_policy_node.tools.verify.played_steps import Recording, TARGETS
from rl_policy_node.tools.verify.replay import Computed
from rl_policy_node.tools.verify.robot_side import RobotSide
from rl_policy_node.tools.verify.surroundings import Surroundings

SIDE = 'command'
_FIELDS = ('position', 'velocity', 'effort')
_NUMBERS = tuple[float, ...]()


class Target(NamedTuple):
    """The simulator's targets for an action term. values: (steps, rows, joints), in the order of the term's joints.

    called: what the simulator calls them. joints: their names there.
    """

    called: str
    field: str
    joints: tuple[str, ...]
    values: Array


class Commands:
    """The action terms of a file, and what a recording has to compare them with.

    targets: action term → its Target. findings: of the terms without one. renamed: joint of the file → its name in the
    simulator, where it differs. lacking: source.field → why raw state does not give it.
    """

    def __init__(
        self, side: RobotSide, recording: Recording, renamed: Mapping[str, str], lacking: Mapping[str, str]
    ) -> None:
        self._recording, self._renamed, self._lacking = recording, renamed, lacking
        self.targets: dict[str, Target] = {}
        self.findings: list[Finding] = []
        sizes = {name: law.term.size for name, law in side.laws.items()}
        numbers = recording.actions.shape[2]
        for name, law in side.laws.items():
            if sum(sizes.values()) != numbers:
                listed = ', '.join(f'{each} {size}' for each, size in sizes.items())
                text = f'actions.terms take {sum(sizes.values())} numbers ({listed}); the simulator takes {numbers}'
                self.findings.append(Finding(SIDE, '', name, reason=text, fault=True))
                continue
            target = self._target(law.term.spec)
            if isinstance(target, Target):
                self.targets[name] = target
            else:
                self.findings.append(Finding(SIDE, '', name, reason=target))

    def _target(self, action: ActionSpec) -> Target | str:
        """Return the Target of an action term, or why there is none."""
        field = next((each for each in _FIELDS if each in action.kind), 'position' if action.joints else '')
        if not action.joints or action.kind == 'gripper':
            return f'kind {action.kind} commands no joints; raw state has targets of joints alone'
        if (action.kind == 'joint_delta' or value_of(action.options, 'smoothing', 1.0) != 1.0) and (
            f'{action.source}.position' in self._lacking
        ):
            return self._lacking[f'{action.source}.position']
        joints = tuple(self._renamed.get(joint, joint) for joint in action.joints)
        robots: Mapping[str, Mapping[str, Any]] = self._recording.scene.get('articulations', {})
        having = [name for name, robot in robots.items() if set(joints) <= set(robot.get('joints', ()))]
        if not having:
            known = '; '.join(f'{name}: {", ".join(robot.get("joints", ()))}' for name, robot in robots.items())
            return f'no articulation of the simulator has the joints {", ".join(joints)}; it has {known or "none"}'
        robot = having[0]
        values = self._recording.raw.get(f'{TARGETS}{robot}/{field}')
        if values is None:
            return f"the simulator does not tell the {field} targets of '{robot}'"
        order = list(robots[robot]['joints'])
        values = values[:, :, [order.index(joint) for joint in joints]]
        unset = [joint for place, joint in enumerate(joints) if np.isnan(values[:, :, place]).any()]
        if unset:
            return f"the simulator's action terms set no {field} target of {', '.join(unset)}"
        return Target(f'{robot} {field} targets', field, joints, values)

    def compared(self, computed: Computed, surroundings: Surroundings, tolerance: float) -> Iterator[Finding]:
        """Yield the Finding of each action term that has a Target. computed: what the file makes of the recording."""
        actions = {name: law for name, law in computed.commands.items() if name in self.targets}
        for name, command in actions.items():
            target, spec = self.targets[name], computed.actions[name]
            series = Series(
                name,
                target.values,
                command[target.field].astype(target.values.dtype),
                self._recording.begins,
                SIDE,
                Written(
                    joints=spec.joints,
                    scale=value_of(spec.options, 'scale', _NUMBERS),
                    offset=value_of(spec.options, 'offset', _NUMBERS),
                ),
            )
            verdict = compare(series, surroundings.scene(target.joints), tolerance)
            changed = float(computed.limited[name].mean())
            remarks = (
                (f'limits of the file change {changed:.1%} of these commands; compared is what the law wants',)
                if changed
                else ()
            )
            yield Finding(SIDE, target.called, name, verdict, label=series.label(verdict.where[2]), remarks=remarks)
