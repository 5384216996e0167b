# SPDX-License-Identifier: Apache-2.0
"""What a simulator says of its scene: joints, limits, its own laws of actions, bodies, commands and terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math
from typing import Any

import numpy as np

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts.robot_joints import JointLimits, RobotJoints
from rl_policy_node.policy.shared_types import Numbers, Shape, YamlTree

# kind of an affine action in a scene → the node's kind
KINDS = {'joint_position': 'joint_position', 'joint_velocity': 'joint_velocity', 'joint_effort': 'effort'}


@dataclass(frozen=True)
class SceneAction:
    """An action term of the simulator: target = clip(scale · action + offset) per joint, in the order of the action.

    kind: the node's, 'other' for a law that is not this one; size: None where not stated. scale, offset: one each,
    rad or m, rad/s, N m. lower, upper: of the clip, () for none.
    """

    name: str
    kind: str
    size: int | None
    articulation: str = ''
    joints: tuple[str, ...] = ()
    scale: Numbers = ()
    offset: Numbers = ()
    lower: Numbers = ()
    upper: Numbers = ()


@dataclass(frozen=True)
class Scene:
    """The parts of a scene. source: who says so, in words.

    articulations: name → RobotJoints. roots: articulation → body. bodies: articulation/link, or a bare name. sensors:
    name → what it is. commands: name → numbers of a row, and the ranges that training asked for. terms: input → name
    → shape of one sample. rate: steps of the policy per second, Hz, None for not known. gains: articulation → stiffness
    (N m/rad or N/m) and damping of each joint.
    """

    source: str
    articulations: Mapping[str, RobotJoints] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    bodies: tuple[str, ...] = ()
    sensors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    commands: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    actions: tuple[SceneAction, ...] = ()
    terms: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)
    rate: float | None = None
    gains: Mapping[str, Mapping[str, Numbers]] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the head of a parameter file says: whose numbers they are, and the gains of the drives."""
        names = ', '.join(self.articulations)
        whose = f'joints, their order, default positions and limits of {names} are those of {self.source}'
        gains = []
        for name, each in self.gains.items():
            joints = self.articulations[name].names
            known = {gain: numbers for gain, numbers in each.items() if not all(map(math.isnan, numbers))}
            stated = (f'{gain} {_in_words(numbers, joints)}' for gain, numbers in known.items())
            gains += [f'drives of {name} in {self.source}: {"; ".join(stated)}'] if known else []
        return (whose, *gains) if names else ()

    @property
    def limits(self) -> dict[str, JointLimits]:
        """Limits of the joints of all articulations; of a name that two of them have, those of neither."""
        named = [name for joints in self.articulations.values() for name in joints.names]
        known = {name: each for joints in self.articulations.values() for name, each in joints.limits.items()}
        return {name: limits for name, limits in known.items() if named.count(name) == 1}

    def having(self, names: Sequence[str]) -> str:
        """Return the articulation that has all these joints, `robot` where several do, '' for none."""
        found = [name for name, joints in self.articulations.items() if set(names) <= set(joints.names)]
        return 'robot' if 'robot' in found else found[0] if len(found) == 1 else ''


def read_scene(scene: YamlTree, source: str) -> Scene:
    """Return the Scene of a description in plain data, as an environment's `scene` is; unknown keys are left out.

    Raises ConfigurationError for a description of another form.
    """
    try:
        articulations = scene.get('articulations') or {}
        return Scene(
            source,
            {name: _joints(each, source) for name, each in articulations.items() if each.get('joints')},
            {name: each['root'] for name, each in articulations.items() if each.get('root')},
            tuple(scene.get('bodies') or ()),
            dict(scene.get('sensors') or {}),
            dict(scene.get('commands') or {}),
            tuple(map(_action, scene.get('actions') or ())),
            {
                group: {term['name']: tuple(term['shape']) for term in terms if term.get('shape')}
                for group, terms in (scene.get('terms') or {}).items()
            },
            scene.get('rate'),
            {
                name: {
                    gain: tuple(math.nan if number is None else plain(number) for number in each[gain])
                    for gain in ('stiffness', 'damping')
                    if each.get(gain)
                }
                for name, each in articulations.items()
                if each.get('joints')
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f'{source}: its description of the scene is not understood: {error!r}') from error


def plain(number: float) -> float:
    """Return a number as it is written; of a single-precision one the shortest text that means the same."""
    value = float(number)
    return float(str(np.float32(value))) if math.isfinite(value) and float(np.float32(value)) == value else value


def _in_words(numbers: Numbers, joints: Sequence[str]) -> str:
    """Return one number for all, or each with its joint; NaN is left out."""
    if len(set(numbers)) == 1:
        return f'{numbers[0]:g}'
    return ', '.join(f'{joint} {number:g}' for joint, number in zip(joints, numbers) if not math.isnan(number))


def _joints(articulation: YamlTree, source: str) -> RobotJoints:
    names = tuple(articulation['joints'])

    def each(key: str, absent: float) -> list[float]:
        """Return one number for each joint, `absent` for null and where the simulator does not say."""
        values = articulation.get(key)
        if values is None:
            return [math.nan] * len(names)
        if len(values) != len(names):
            raise ConfigurationError(f'{source}: {key} has {len(values)} numbers; expected one for each of {names}')
        return [absent if value is None else plain(value) for value in values]

    soft = [each('lower', -math.inf), each('upper', math.inf)]
    apart = 'hard_lower' in articulation and 'hard_upper' in articulation
    lower, upper = (each('hard_lower', -math.inf), each('hard_upper', math.inf)) if apart else soft
    columns = zip(lower, upper, each('max_velocity', math.nan), each('max_effort', math.nan))
    positions, velocities = (
        {name: value for name, value in zip(names, each(key, math.nan)) if not math.isnan(value)}
        for key in ('default', 'default_velocity')
    )
    limits = {name: JointLimits(*numbers, source) for name, numbers in zip(names, columns)}
    return RobotJoints(names, source, limits, positions, velocities, dict(zip(names, zip(*soft))) if apart else {})


def _action(action: YamlTree) -> SceneAction:
    kind, joints = KINDS.get(action['kind'], 'other'), tuple(action.get('joints') or ())
    if kind == 'other' or not joints:
        return SceneAction(action['name'], 'other', action.get('size', len(joints) or None), joints=joints)
    clip = action.get('clip') or ()
    scale, offset, lower, upper = (
        tuple(map(plain, numbers))
        for numbers in (
            action['scale'],
            action['offset'],
            (-math.inf if low is None else low for low, _ in clip),
            (math.inf if high is None else high for _, high in clip),
        )
    )
    articulation = action.get('articulation', '')
    return SceneAction(action['name'], kind, len(joints), articulation, joints, scale, offset, lower, upper)
