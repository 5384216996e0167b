# SPDX-License-Identifier: Apache-2.0
"""What Isaac Lab's action terms do to joints: target = clip(scale · action + offset), where that is certain.

The file is self-contained: isaaclab_state.py loads it by its path. Laws were read from Isaac Lab 3.0; a law counts only
for the very functions that it was read from, so that a subclass with functions of its own is 'other'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import dataclasses
import math
from typing import Any

KINDS = ('position', 'velocity', 'effort')
# of isaaclab.envs.mdp.actions: the class that defines apply_actions → which target of its joints it sets
TARGETS = {
    'JointPositionAction': 'position',
    'JointVelocityAction': 'velocity',
    'JointEffortAction': 'effort',
    'JointPositionToLimitsAction': 'position',
    'RelativeJointPositionAction': 'position',
    'BinaryJointPositionAction': 'position',
    'AbsBinaryJointPositionAction': 'position',
    'BinaryJointVelocityAction': 'velocity',
    'DifferentialInverseKinematicsAction': 'position',
    'OperationalSpaceControllerAction': 'effort',
    'NonHolonomicAction': 'velocity',
}
_MDP = 'isaaclab.envs.mdp.actions.'


@dataclasses.dataclass(frozen=True)
class Law:
    """The targets that a term sets. kind: position, velocity or effort; joints: their indices.

    scale, offset: a number, or (rows or 1, joints); clip: (rows or 1, joints, 2). scale is None if the law is no line.
    """

    articulation: Any
    kind: str
    joints: Any
    scale: Any = None
    offset: Any = 0.0
    clip: Any = None


def actions(env: Any, most: float) -> Iterator[tuple[dict[str, Any], Law | None]]:
    """Yield (description, law) of each action term of an unwrapped environment, in the order of the action vector.

    most: the wrapper clips actions to ±most first. law: None where it is not known which targets the term sets.
    """
    manager = getattr(env, 'action_manager', None)
    if manager is None:
        law = _direct(env)
        yield _described(env, 'action', math.prod(env.single_action_space.shape or (1,)), law, most), law
        return
    for name in manager.active_terms:
        term = manager.get_term(name)
        law = _of_term(term)
        yield _described(env, name, term.action_dim, law, most), law


def _owner(kind: type, method: str) -> str:
    """Return module:Class of the class that defines a method."""
    function = getattr(kind, method)
    return f'{function.__module__}:{function.__qualname__.rpartition(".")[0]}'


def _of_term(term: Any) -> Law | None:
    """Return the law of a term of the action manager."""
    process, apply = (_owner(type(term), name) for name in ('process_actions', 'apply_actions'))
    module, _, name = apply.partition(':')
    if not module.startswith(_MDP) or name not in TARGETS:
        return None
    joints = tensor(term._joint_ids)
    law = Law(term._asset, TARGETS[name], joints)
    clip = None if term.cfg.clip is None else getattr(term, '_clip', None)
    if process == f'{_MDP}joint_actions:JointAction' and not name.startswith('Relative'):
        return dataclasses.replace(law, scale=term._scale, offset=term._offset, clip=clip)
    if process == f'{_MDP}joint_actions_to_limits:JointPositionToLimitsAction' and name.endswith('ToLimitsAction'):
        if not term.cfg.rescale_to_limits:
            return dataclasses.replace(law, scale=term._scale, clip=clip)
        if clip is None:
            limits = tensor(term._asset.data.soft_joint_pos_limits)[:, joints]
            middle, half = limits.mean(-1), (limits[..., 1] - limits[..., 0]) / 2
            return dataclasses.replace(law, scale=term._scale * half, offset=middle, clip=limits)
    return law


# tasks of the direct workflow


def _cartpole(env: Any) -> Law:
    return Law(env.cartpole, 'effort', env._cart_dof_idx, env.action_scale)


def _locomotion(env: Any) -> Law:
    """Return the law of Ant and Humanoid, which clamp the action to ±1."""
    scale = env.action_scale * env.joint_gears[None]
    return Law(env.robot, 'effort', slice(None), scale, clip=scale[..., None] * scale.new_tensor([-1.0, 1.0]))


def _anymal_c(env: Any) -> Law:
    return Law(env._robot, 'position', slice(None), env.cfg.action_scale, tensor(env._robot.data.default_joint_pos))


def _humanoid_amp(env: Any) -> Law:
    return Law(env.robot, 'position', slice(None), env.action_scale[None], env.action_offset[None])


# the class that defines _pre_physics_step and _apply_action → the law of its one term
DIRECT: dict[str, Callable[[Any], Law]] = {
    'isaaclab_tasks.core.cartpole.cartpole_direct_env:CartpoleEnv': _cartpole,
    'isaaclab_tasks.core.locomotion.locomotion_direct_env:LocomotionDirectEnv': _locomotion,
    'isaaclab_tasks.contrib.anymal_c_direct.anymal_c_env:AnymalCEnv': _anymal_c,
    'isaaclab_tasks.contrib.humanoid_amp.humanoid_amp_env:HumanoidAmpEnv': _humanoid_amp,
}


def _direct(env: Any) -> Law | None:
    """Return the law of a task of the direct workflow; an action with noise obeys none."""
    owners = {_owner(type(env), name) for name in ('_pre_physics_step', '_apply_action')}
    found = DIRECT.get(owners.pop()) if len(owners) == 1 else None
    return found(env) if found and not env.cfg.action_noise_model else None


# descriptions


def _described(env: Any, name: str, size: int, law: Law | None, most: float) -> dict[str, Any]:
    """Return the entry of a term in scene['actions']."""
    if law is not None and law.scale is not None:
        articulation = next(key for key, each in env.scene.articulations.items() if each is law.articulation)
        names = [law.articulation.joint_names[index] for index in _indices(law)]
        scale, offset = (per_joint(value, size) for value in (law.scale, law.offset))
        clip = None if law.clip is None else per_joint(law.clip, size)
        if scale and offset and (law.clip is None or clip) and len(names) == size:
            return {
                'name': name,
                'kind': f'joint_{law.kind}',
                'articulation': articulation,
                'joints': names,
                'scale': scale,
                'offset': offset,
                'clip': _clip(scale, offset, clip, most),
            }
    return {'name': name, 'kind': 'other', 'size': int(size)}


def _clip(scale: list[float], offset: list[float], clip: Any, most: float) -> list[list[float | None]] | None:
    """Return the bounds of each target, None for those without: of the term, and of actions in ±most."""
    bounds = [
        [min(max(middle + side * abs(slope) * most, lower), upper) if slope else middle for side in (-1.0, 1.0)]
        for (lower, upper), middle, slope in zip(clip or [(-math.inf, math.inf)] * len(scale), offset, scale)
    ]
    if not any(math.isfinite(each) for pair in bounds for each in pair):
        return None
    return [[each if math.isfinite(each) else None for each in pair] for pair in bounds]


class Targets:
    """The joint targets of the last step, taken after its physics and before the reset of rows that ended."""

    def __init__(self, env: Any, known: list[Law]) -> None:
        self._blanks: dict[tuple[int, str], Any] = {}
        for articulation in env.scene.articulations.values():
            for kind in KINDS:
                now = _target(articulation, kind)
                self._blanks[id(articulation), kind] = now.new_full(now.shape, math.nan)
        self._set = {(id(law.articulation), law.kind): law.articulation for law in known}
        for law in known:
            # NaN + x is NaN, 0 + x is x
            self._blanks[id(law.articulation), law.kind][:, _indices(law)] = 0.0
        self._last = {key: value + math.nan for key, value in self._blanks.items()}
        # both are called once in a step, between its physics and its resets
        manager = getattr(env, 'termination_manager', None)
        judge, name = (env, '_get_dones') if manager is None else (manager, 'compute')
        ended = getattr(judge, name)

        def taken(*arguments: Any, **named: Any) -> Any:
            for (key, kind), articulation in self._set.items():
                self._last[key, kind] = self._blanks[key, kind] + _target(articulation, kind)
            return ended(*arguments, **named)

        setattr(judge, name, taken)

    def last(self, articulation: Any, kind: str) -> Any:
        """Return the targets of the last step, (rows, joints), NaN for joints that no action term sets."""
        return self._last[id(articulation), kind]


def _target(articulation: Any, kind: str) -> Any:
    if hasattr(articulation.actuators, 'target_command'):
        return tensor(getattr(articulation.actuators.target_command, kind))
    short = {'position': 'pos', 'velocity': 'vel', 'effort': 'effort'}[kind]
    return getattr(articulation.data, f'joint_{short}_target')


def tensor(value: Any) -> Any:
    """Return the tensor of an array of Isaac Lab 3, what is none as it is."""
    return getattr(value, 'torch', value)


def _indices(law: Law) -> list[int]:
    """Return the indices of a law's joints."""
    joints = tensor(law.joints)
    if isinstance(joints, slice):
        return list(range(law.articulation.num_joints))[joints]
    return [int(each) for each in (joints.numpy() if hasattr(joints, 'numpy') else joints)]


def per_joint(value: Any, size: int) -> Any:
    """Return the numbers of each joint that hold for all rows, None if rows differ; value: a number, or rows first."""
    if isinstance(value, (int, float)):
        return [float(value)] * size
    values = tensor(value)
    return None if (values != values[:1]).any() else values[0].tolist()
