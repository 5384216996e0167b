# SPDX-License-Identifier: Apache-2.0
"""The raw state of environments that MuJoCo simulates: joints, bodies, sensors, and what their actuators are told.

The file is self-contained, in Python 3.6's syntax: a worker process of another Python loads it by its path.
"""

import mujoco
import numpy as np

HINGE_OR_SLIDE = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


def takes_controls(env):
    """Return whether the actions of an environment are its controls; steps it twice to see."""
    space, data = env.action_space, env.unwrapped.data
    if getattr(space, 'low', np.empty(0)).shape != data.ctrl.shape or not len(data.ctrl):
        return False
    low, high = np.where(np.isfinite(space.low), space.low, -1.0), np.where(np.isfinite(space.high), space.high, 1.0)
    env.reset(seed=0)
    for share in (np.linspace(0.2, 0.6, len(low)), np.linspace(0.7, 0.3, len(low))):
        action = (low + share * (high - low)).astype(space.dtype)
        env.step(action)
        if not np.allclose(data.ctrl, action, rtol=1e-6):
            return False
    return True


class MujocoState:
    """Reads the raw state of environments, one for each row, whose models differ in numbers only.

    controls: whether an action is the controls of the model's actuators. scene: what the raw state has.
    """

    def __init__(self, envs, controls, rate):
        self._envs, self._controls = [env.unwrapped for env in envs], controls
        model = self._envs[0].model
        self._trees = _trees(model)
        self._actuators = _actuators(model, self._trees) if controls else []
        self._sensors = _sensors(model)
        self._scratch = [None] * len(self._envs)
        self._actions = np.full((len(self._envs), model.nu), np.nan)
        self.scene = self._scene(rate)

    def stepped(self, actions):
        """Note the actions (rows, n) of the last step."""
        if self._controls:
            self._actions[:] = actions

    def raw(self):
        """Return name → (rows, …)."""
        data, raw = [env.data for env in self._envs], {}
        for name, tree in self._trees.items():
            joint = 'joints/{}/'.format(name)
            raw[joint + 'position'] = np.stack([each.qpos[tree['qpos']] for each in data])
            raw[joint + 'velocity'] = np.stack([each.qvel[tree['dof']] for each in data])
            raw[joint + 'effort'] = np.stack([each.qfrc_actuator[tree['dof']] for each in data])
            raw.update(self._targets(name, tree))
        bodies = [self._bodies(row) for row in range(len(data))]
        raw['bodies'], raw['com'] = (np.stack(part) for part in zip(*bodies))
        for name, sensor in self._sensors.items():
            raw['sensors/' + name] = np.stack([sensor['read'](env.model, env.data) for env in self._envs])
        return raw

    def _bodies(self, row):
        """Return (bodies, 13) and the velocities of the centres of mass (bodies, 3) of a row.

        A copy of its data computes them: what a step leaves there belongs to the beginning of its last substep, and
        rewards may look at it.
        """
        model, data = self._envs[row].model, self._envs[row].data
        if self._scratch[row] is None or self._scratch[row][0] is not model:
            self._scratch[row] = (model, mujoco.MjData(model))
        now = self._scratch[row][1]
        for name in ('qpos', 'qvel', 'mocap_pos', 'mocap_quat'):
            getattr(now, name)[:] = getattr(data, name)
        for compute in (mujoco.mj_kinematics, mujoco.mj_comPos, mujoco.mj_comVel):
            compute(model, now)
        # a tree's velocities are those at its centre of mass
        centre, turning = now.subtree_com[model.body_rootid], now.cvel[:, :3]
        linear, mass = (now.cvel[:, 3:] + np.cross(turning, at - centre) for at in (now.xpos, now.xipos))
        bodies = np.concatenate([now.xpos, now.xquat[:, [1, 2, 3, 0]], linear, turning], axis=1)
        return bodies[1:], mass[1:]

    def _targets(self, name, tree):
        targets = {}
        for term in self._actuators:
            if term.get('articulation') != name:
                continue
            quantity = term['kind'].split('_')[1]
            place = 'targets/{}/{}'.format(name, quantity)
            target = targets.setdefault(place, np.full((len(self._envs), len(tree['joints'])), np.nan))
            wanted = self._actions[:, term['columns']] * term['scale']
            lower, upper = np.array(term['clip'] or [[-np.inf, np.inf]] * len(term['joints'])).T
            target[:, [tree['joints'].index(joint) for joint in term['joints']]] = np.clip(wanted, lower, upper)
        return targets

    def _scene(self, rate):
        env = self._envs[0]
        actions = [{key: value for key, value in term.items() if key != 'columns'} for term in self._actuators]
        if not self._controls:
            size = int(np.prod(getattr(env.action_space, 'shape', ()) or 1))
            actions = [{'name': 'action', 'kind': 'other', 'size': size}]
        return {
            'articulations': {name: self._articulation(env, name, tree) for name, tree in self._trees.items()},
            'bodies': _bodies(env.model, self._trees),
            'sensors': {
                name: {key: value for key, value in sensor.items() if key != 'read'}
                for name, sensor in self._sensors.items()
            },
            'actions': actions,
            'rate': rate,
        }

    def _articulation(self, env, name, tree):
        model, limited = env.model, env.model.jnt_limited[tree['ids']].astype(bool)
        lower, upper = (
            [float(value) if known else None for value, known in zip(model.jnt_range[tree['ids'], side], limited)]
            for side in (0, 1)
        )
        efforts = {
            joint: max(map(abs, bounds))
            for term in self._actuators
            if term.get('articulation') == name and term['kind'] == 'joint_effort' and term['clip']
            for joint, bounds in zip(term['joints'], term['clip'])
        }
        return {
            'joints': tree['joints'],
            'root': '{0}/{0}'.format(name),
            'lower': lower,
            'upper': upper,
            'max_effort': [efforts.get(joint) for joint in tree['joints']],
            'default': getattr(env, 'init_qpos', model.qpos0)[tree['qpos']].tolist(),
            'default_velocity': getattr(env, 'init_qvel', np.zeros(model.nv))[tree['dof']].tolist(),
        }


def _name(model, kind, index):
    """Return the name of a part; one without a name is called by its number, such as body7."""
    found = mujoco.mj_id2name(model, getattr(mujoco.mjtObj, 'mjOBJ_' + kind.upper()), index)
    return found or '{}{}'.format(kind, index)


def _trees(model):
    """Return root body → its hinge and slide joints: names, numbers, places in qpos and qvel."""
    trees = {}
    for joint in range(model.njnt):
        if int(model.jnt_type[joint]) in HINGE_OR_SLIDE:
            root = _name(model, 'body', int(model.body_rootid[model.jnt_bodyid[joint]]))
            trees.setdefault(root, []).append(joint)
    return {
        root: {
            'joints': [_name(model, 'joint', joint) for joint in joints],
            'ids': joints,
            'qpos': model.jnt_qposadr[joints],
            'dof': model.jnt_dofadr[joints],
        }
        for root, joints in trees.items()
    }


def _bodies(model, trees):
    """Return the names of all bodies but the world: articulation/link, or the name of an object."""
    names = []
    for body in range(1, model.nbody):
        root, name = _name(model, 'body', int(model.body_rootid[body])), _name(model, 'body', body)
        names.append('{}/{}'.format(root, name) if root in trees else name)
    return names


def _actuators(model, trees):
    """Return the terms of the action: consecutive actuators of one kind and one articulation together."""
    terms = []
    for index in range(model.nu):
        kind, scale = _law(model, index)
        joint = int(model.actuator_trnid[index, 0])
        place = _name(model, 'body', int(model.body_rootid[model.jnt_bodyid[joint]])) if kind != 'other' else None
        if not terms or (terms[-1]['kind'], terms[-1].get('articulation')) != (kind, place):
            terms.append({'name': '{}_{}'.format(kind, index), 'kind': kind, 'columns': slice(index, index)})
            if place:
                terms[-1].update(articulation=place, joints=[], scale=[], offset=[], clip=[])
        term = terms[-1]
        term['columns'] = slice(term['columns'].start, index + 1)
        if not place:
            term['size'] = index + 1 - term['columns'].start
            continue
        term['joints'].append(_name(model, 'joint', joint))
        term['scale'].append(scale)
        term['offset'].append(0.0)
        bounds = model.actuator_ctrlrange[index] if model.actuator_ctrllimited[index] else (-np.inf, np.inf)
        term['clip'].append(sorted(scale * float(bound) for bound in bounds))
    for term in terms:
        if not np.isfinite(term.get('clip', 0.0)).all():
            term['clip'] = None
    return terms


def _law(model, index):
    """Return the kind of an actuator's law, and the scale from its control to its target."""
    gain, bias, gear = model.actuator_gainprm[index], model.actuator_biasprm[index], model.actuator_gear[index]
    joint = int(model.actuator_trnid[index, 0])
    plain = (
        model.actuator_trntype[index] == mujoco.mjtTrn.mjTRN_JOINT
        and int(model.jnt_type[joint]) in HINGE_OR_SLIDE
        and model.actuator_dyntype[index] == mujoco.mjtDyn.mjDYN_NONE
        and model.actuator_gaintype[index] == mujoco.mjtGain.mjGAIN_FIXED
        and gear[0] != 0
    )
    if not plain:
        return 'other', None
    if model.actuator_biastype[index] == mujoco.mjtBias.mjBIAS_NONE:
        return 'joint_effort', float(gear[0] * gain[0])
    if model.actuator_biastype[index] == mujoco.mjtBias.mjBIAS_AFFINE and bias[0] == 0 and gain[0] > 0:
        if bias[1] == -gain[0]:
            return 'joint_position', float(1.0 / gear[0])
        if bias[1] == 0 and bias[2] == -gain[0]:
            return 'joint_velocity', float(1.0 / gear[0])
    return 'other', None


def _sensors(model):
    """Return name → kind, shape, and how to read it, of the model's sensors; accelerations in their body's axes."""
    sensors = {}
    for index in range(model.nsensor):
        start, size = int(model.sensor_adr[index]), int(model.sensor_dim[index])
        name = _name(model, 'sensor', index)
        if model.sensor_type[index] == mujoco.mjtSensor.mjSENS_ACCELEROMETER:
            site = int(model.sensor_objid[index])
            body = int(model.site_bodyid[site])
            sensors[name] = {'kind': 'acceleration', 'body': _bodies(model, _trees(model))[body - 1]}
            sensors[name]['read'] = lambda model, data, start=start, site=site: _turned(model, site, data, start)
        else:
            sensors[name] = {'kind': 'array', 'shape': [size], 'dtype': '<f8'}
            sensors[name]['read'] = lambda model, data, start=start, end=start + size: data.sensordata[start:end].copy()
    return sensors


def _turned(model, site, data, start):
    turned = np.empty(3)
    mujoco.mju_rotVecQuat(turned, data.sensordata[start : start + 3], model.site_quat[site])
    return turned
