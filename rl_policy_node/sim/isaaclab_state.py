# SPDX-License-Identifier: Apache-2.0
"""Raw state of Isaac Lab's tasks: what a robot's drivers would measure, apart from the observations.

The file is self-contained: isaaclab.py loads it by its path, and it loads isaaclab_laws.py. A part that this
version of Isaac Lab lacks is left out, and printed once. Tried with Isaac Lab 3.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import functools
import importlib.util
from pathlib import Path
import sys
from typing import Any

# a limit beyond it is none
LIMITLESS = 1e6


def beside(name: str) -> Any:
    """Return the module in the file `name`.py beside this one, which no package leads to."""
    spec = importlib.util.spec_from_file_location(f'hosted_{name}', Path(__file__).with_name(f'{name}.py'))
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


laws = beside('isaaclab_laws')
tensor = laws.tensor


class RawState:
    """The raw state of a task in Isaac Lab's wrapper for rl_games.

    scene: describes it. scalar_first: quaternions are w, x, y, z, as before Isaac Lab 3.
    """

    def __init__(self, wrapped: Any, scalar_first: bool) -> None:
        self._env, self._scalar_first = wrapped.unwrapped, scalar_first
        self._reads: dict[str, Callable[[], Any]] = {}
        terms = tried('actions', lambda: list(laws.actions(self._env, float(wrapped._clip_actions)))) or []
        self._targets = laws.Targets(self._env, [law for _, law in terms if law is not None])
        self.scene: dict[str, Any] = {
            'articulations': tried('articulations', lambda: dict(self._articulations())) or {},
            'bodies': tried('bodies', self._bodies) or [],
            'sensors': tried('sensors', lambda: dict(self._sensors())) or {},
            'commands': tried('commands', lambda: dict(self._commands())) or {},
            'actions': [description for description, _ in terms],
            'terms': tried('terms', _observation_terms, wrapped) or {},
            'rate': 1.0 / self._env.step_dt,
        }

    def read(self) -> dict[str, Any]:
        """Return name → tensor (rows, …) after the last reset or step: as `scene` describes it."""
        return {name: read().clone() for name, read in self._reads.items()}

    def _offer(self, name: str, read: Callable[[], Any]) -> Any:
        """Offer what `read` returns as `name`; return it as it is now, None if it cannot be read."""
        now = tried(name, read)
        if now is not None:
            self._reads[name] = read
        return now

    def _articulations(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, articulation in self._env.scene.articulations.items():
            description = tried(name, described, name, articulation)
            if description is None:
                continue
            data = articulation.data
            self._offer(f'joints/{name}/position', functools.partial(_field, data, 'joint_pos'))
            self._offer(f'joints/{name}/velocity', functools.partial(_field, data, 'joint_vel'))
            self._offer(f'joints/{name}/effort', functools.partial(_applied_effort, articulation))
            for kind in laws.KINDS:
                self._offer(f'targets/{name}/{kind}', functools.partial(self._targets.last, articulation, kind))
            yield name, description

    def _bodies(self) -> list[str]:
        """Return the names of all bodies; offer their state, (rows, bodies, 13), and `com`, (rows, bodies, 3)."""
        import torch

        scene = self._env.scene
        groups = [
            *((each, [f'{name}/{body}' for body in each.body_names]) for name, each in scene.articulations.items()),
            *((each, [name]) for name, each in scene.rigid_objects.items()),
        ]
        found = [
            (each.data, names) for each, names in groups if tried(names[0], self._of_bodies, each.data) is not None
        ]
        if found:
            self._offer('bodies', lambda: torch.cat([self._of_bodies(data) for data, _ in found], 1))
            self._offer('com', lambda: torch.cat([tensor(data.body_com_vel_w)[..., :3] for data, _ in found], 1))
        return [name for _, names in found for name in names]

    def _of_bodies(self, data: Any) -> Any:
        """Return position, orientation and velocities of the origins of an asset's bodies, (rows, bodies, 13)."""
        import torch

        pose, velocity = tensor(data.body_link_pose_w), tensor(data.body_link_vel_w)
        position = pose[..., :3] - self._env.scene.env_origins[:, None]
        return torch.cat([position, self._xyzw(pose[..., 3:]), velocity], -1)

    def _xyzw(self, quaternions: Any) -> Any:
        return quaternions.roll(-1, -1) if self._scalar_first else quaternions

    def _sensors(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for sensor_name, sensor in self._env.scene.sensors.items():
            for suffix, more, read in tried(sensor_name, lambda sensor=sensor: list(self._of_sensor(sensor))) or ():
                name = f'{sensor_name}/{suffix}' if suffix else sensor_name
                now = self._offer(f'sensors/{name}', read)
                if now is not None:
                    kind = 'image' if now.ndim == 4 and now.shape[-1] <= 4 else 'array'
                    numbers = {'shape': list(now.shape[1:]), 'dtype': now[:0].cpu().numpy().dtype.str}
                    yield name, {'kind': kind, **numbers, **more}

    def _of_sensor(self, sensor: Any) -> Iterator[tuple[str, dict[str, Any], Callable[[], Any]]]:
        """Yield (suffix of its name, more of its description, what reads it) of each array of a sensor."""
        kinds = {kind.__name__.removeprefix('Base') for kind in type(sensor).__mro__}
        bodies = getattr(sensor, 'body_names', None)
        more = {'bodies': list(bodies)} if bodies else {}
        if isinstance(getattr(sensor.data, 'output', None), dict):
            outputs = list(sensor.data.output)
            for each in outputs:
                yield each if len(outputs) > 1 else '', {}, functools.partial(_output, sensor, each)
        elif 'RayCaster' in kinds:
            yield '', {}, lambda: tensor(sensor.data.pos_w)[:, 2, None] - tensor(sensor.data.ray_hits_w)[..., 2]
        elif 'Imu' in kinds:
            body = self._body_of(sensor.cfg)
            yield '', {'kind': 'acceleration', 'body': body} if body else {}, lambda: tensor(sensor.data.lin_acc_b)
        for kind in kinds & set(FIELDS):
            for suffix, fields in FIELDS[kind].items():
                if all(getattr(sensor.data, field) is not None for field in fields):
                    yield suffix, more, functools.partial(self._joined, sensor, fields)

    def _joined(self, sensor: Any, fields: tuple[str, ...]) -> Any:
        import torch

        found = [(name, _field(sensor.data, name)) for name in fields]
        return torch.cat([self._xyzw(each) if '_quat' in name else each for name, each in found], -1)

    def _body_of(self, config: Any) -> str | None:
        """Return the link whose axes a sensor's are, None if they are turned against it."""
        turned = tuple(config.offset.rot) != ((1, 0, 0, 0) if self._scalar_first else (0, 0, 0, 1))
        for name, articulation in self._env.scene.articulations.items():
            for body in articulation.body_names:
                prim = f'{articulation.cfg.prim_path}/'
                if not turned and config.prim_path.startswith(prim) and config.prim_path.endswith(f'/{body}'):
                    return f'{name}/{body}'
        return None

    def _commands(self) -> Iterator[tuple[str, dict[str, Any]]]:
        manager: Any = getattr(self._env, 'command_manager', None)
        for name in manager.active_terms if manager else ():
            now = self._offer(f'commands/{name}', functools.partial(manager.get_command, name))
            if now is not None:
                ranges = getattr(manager.get_term(name).cfg, 'ranges', None)
                named = vars(ranges) if ranges else {}
                stated = {key: list(value) for key, value in named.items() if isinstance(value, (list, tuple))}
                yield name, {'size': int(now.shape[1]), 'ranges': stated}


def _field(data: Any, name: str) -> Any:
    return tensor(getattr(data, name))


def _output(camera: Any, name: str) -> Any:
    return tensor(camera.data.output[name])


# class of a sensor, without Base → suffix of a name → fields of its data, which are joined
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    'ContactSensor': {'': ('net_forces_w',)},
    'JointWrenchSensor': {'': ('force', 'torque')},
    'FrameTransformer': {'': ('target_pos_source', 'target_quat_source')},
    'VisuoTactileSensor': {
        'rgb': ('tactile_rgb_image',),
        'depth': ('tactile_depth_image',),
        'normal_force': ('tactile_normal_force',),
        'shear_force': ('tactile_shear_force',),
    },
}


def tried(name: str, read: Callable[..., Any], *arguments: Any) -> Any:
    """Return what `read` returns; None, and a line in the log, if it raises: another version may lack it."""
    try:
        return read(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever an unknown version raises
        print(f'raw state without {name}: {type(error).__name__}: {error}')
        return None


def described(name: str, articulation: Any) -> dict[str, Any]:
    """Return the entry of an articulation in scene['articulations']; what differs from row to row is left out.

    lower and upper are the soft limits, which Isaac Lab's own terms use; hard_lower and hard_upper the simulator's.
    """
    data, joints = articulation.data, list(articulation.joint_names)
    found = {
        'lower': lambda: tensor(data.soft_joint_pos_limits)[..., 0],
        'upper': lambda: tensor(data.soft_joint_pos_limits)[..., 1],
        'hard_lower': lambda: tensor(data.joint_pos_limits)[..., 0],
        'hard_upper': lambda: tensor(data.joint_pos_limits)[..., 1],
        'max_velocity': lambda: _gains(
            articulation, 'joint_vel_limits', 'velocity_limit', 'clamping', 'velocity_limit'
        ),
        'max_effort': lambda: _gains(
            articulation, 'joint_effort_limits', 'effort_limit', 'clamping', 'max_effort', 'max_motor_effort'
        ),
        'default': lambda: data.default_joint_pos,
        'default_velocity': lambda: data.default_joint_vel,
        'stiffness': lambda: _gains(articulation, 'joint_stiffness', 'stiffness', 'controller', 'kp'),
        'damping': lambda: _gains(articulation, 'joint_damping', 'damping', 'controller', 'kd'),
    }
    known = {}
    for key, read in found.items():
        values = tried(f'{name}/{key}', lambda read=read: laws.per_joint(read(), len(joints)))
        if values:
            known[key] = [each if abs(each) < LIMITLESS else None for each in values]
    # of several links at the place of the root, the first
    roots = (tensor(data.body_link_pose_w) - tensor(data.root_link_pose_w)[:, None]).abs().amax((0, 2))
    return {'joints': joints, 'root': f'{name}/{articulation.body_names[int(roots.argmin())]}', **known}


def _gains(articulation: Any, solver: str, own: str, part: str, *native: str) -> Any:
    """Return numbers of (rows, joints): the solver's, but those of actuators that compute efforts themselves.

    own: the attribute of an actuator of Isaac Lab; part, native: component and parameter of one of Newton's.
    """
    values = tensor(getattr(articulation.data, solver)).clone()
    for name, config in articulation.cfg.actuators.items():
        group = articulation.actuators[name]
        if getattr(group, 'is_implicit_model', False):
            continue
        stated = vars(group).get(f'actuator_{own}', vars(group).get(own))
        if not hasattr(group, 'joint_names'):
            stated = _of_newton(articulation.actuators, name, part, native)
        if stated is not None:
            values[:, articulation.find_joints(config.joint_names_expr)[0]] = stated
    return values


def _of_newton(actuators: Any, name: str, part: str, parameters: tuple[str, ...]) -> Any:
    """Return the first of these parameters that a group has whose efforts Newton computes, None if it has none."""
    from isaaclab.actuators.newton import read_group_parameter

    for parameter in parameters:
        with contextlib.suppress(ValueError):
            return read_group_parameter(actuators, name, part, parameter)
    return None


def _applied_effort(articulation: Any) -> Any:
    """Return the efforts that the actuators applied, (rows, joints)."""
    if hasattr(articulation.actuators, 'applied_effort'):
        return tensor(articulation.actuators.applied_effort)
    return tensor(articulation.data.applied_torque)


def _observation_terms(wrapped: Any) -> dict[str, list[dict[str, Any]]]:
    """Return input → its terms in order, of inputs that are one vector."""
    manager = getattr(wrapped.unwrapped, 'observation_manager', None)
    if manager is None:
        return {}
    groups = getattr(wrapped, '_obs_groups', {'obs': ['policy']})['obs']
    joined = getattr(wrapped, '_concate_obs_groups', True)
    whole = [group for group in groups if manager.group_obs_concatenate[group]]
    if not joined:
        return {group: list(_of_group(manager, group)) for group in whole}
    return {'obs': [term for group in groups for term in _of_group(manager, group)]} if whole == list(groups) else {}


def _of_group(manager: Any, group: str) -> Iterator[dict[str, Any]]:
    configs = manager._group_obs_term_cfgs[group]
    mixed = getattr(manager, '_group_obs_time_major', {}).get(group, False)
    for name, shape, config in zip(manager.active_terms[group], manager.group_obs_term_dim[group], configs):
        history = max(1, config.history_length)
        once = [shape[0] // history, *shape[1:]] if config.flatten_history_dim or history == 1 else list(shape[1:])
        noise = {'noise': True} if config.noise is not None else {}
        yield {'name': name, 'shape': once, 'history': history, **noise, **({'time_major': True} if mixed else {})}
