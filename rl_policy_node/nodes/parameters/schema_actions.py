# SPDX-License-Identifier: Apache-2.0
"""The parameters of the action terms."""
from typing import Final

from rl_policy_node.control.action_spec import (
    ACTION_KINDS,
    FALLBACKS,
    GRIPPER_MODES,
    INTEGRALS,
    LIMITLESS,
    TRAJECTORY_STARTS,
)
from rl_policy_node.nodes.parameters.declaration import INF, Parameter, REQUIRED

_p = Parameter

ACTIONS: Final = (
    _p('actions.terms', 'string[]', REQUIRED, 'action terms, in the order of the action vector'),
    _p('actions.*.kind', 'string', REQUIRED, 'law that makes a command of the action', choices=ACTION_KINDS),
    _p('actions.*.topic', 'string', REQUIRED, "topic of the command, below each robot's namespace"),
    _p('actions.*.type', 'string', REQUIRED, 'message type of the command'),
    _p('actions.*.source', 'string', '', 'source that measures what is commanded, needed to hold it; commands bear '
       'its stamps, trajectories none (trajectory_start)'),
    _p('actions.*.fallback', 'string', '', "command while the policy may not act: hold: stop, and stay there; keep: "
       "the last command; zero; value: fallback_value. Empty: the kind's default. hold or keep: joint_position, "
       'joint_delta, pose_delta; zero: joint_velocity, effort, twist, wrench; keep, hold or value: gripper; value: '
       'raw, discrete',
       choices=FALLBACKS),
    _p('actions.*.fallback_value', 'double[]', [], 'gripper, raw, discrete: the command of fallback value, one number '
       'for all or one each'),
    _p('actions.*.frame_id', 'string', '', 'frame of stamped commands'),
    _p('actions.*.trajectory_start', 'string', 'now', 'trajectories: when they begin. now: when the controller gets '
       'them (stamp 0), whatever its clock; observation: at the stamp of source, which a controller silently rejects '
       'where its clock differs, or where the command comes late. In lockstep always observation',
       choices=TRAJECTORY_STARTS),
    _p('actions.*.time_from_start', 'double', 0.0, 'trajectories: time from their start to their point; '
       '0: one period of the control from now, two from the observation, since a point in the past is dropped',
       unit='s', low=0.0),
    _p('actions.*.rows', 'bool', False, 'one message, a Float32MultiArray or Float64MultiArray, carries the commands '
       'of all rows in its first dimension; its topic has no namespace'),
    _p('actions.*.joints', 'string[]', [], 'joint_*, effort, gripper: joints by name, in the order of the action'),
    _p('actions.*.continuous', 'string[]', [], 'joint_position, joint_delta: joints that turn without end: they '
       'go to a target, and back to where they are held, the short way round, and have no lower and upper'),
    _p('actions.*.axes', 'string[]', [], 'twist, wrench: which of x, y, z, roll, pitch, yaw the action has, in its '
       'order; empty: all six'),
    _p('actions.*.size', 'integer', 0, 'raw: how many numbers', low=0),
    _p('actions.*.clip', 'double', INF, 'clip the action to ± this before its law', low=1e-6),
    _p('actions.*.scale', 'double[]', [1.0], 'command = action · scale + offset, one for all or one each; joint_delta: '
       'the step per unit of action', unit="the command's"),
    _p('actions.*.offset', 'double[]', [0.0], 'see scale', unit="the command's"),
    _p('actions.*.scale_limit', 'double', 1.0, 'how many times the scale of this file a scale may become while the '
       'policy runs', low=1.0, high=100.0),
    _p('actions.*.smoothing', 'double', 1.0, "filter: m · new target + (1 − m) · last target; IsaacGymEnvs' "
       "actionsMovingAverage, alpha of Isaac Lab's EMAJointPositionToLimits; 1: none", low=1e-6, high=1.0),
    _p('actions.*.integrate', 'string', '', 'joint_delta, pose_delta: step from the observed position, from the last '
       'target sent (target, PLAI), or leaky: from the last target, but within max_error of the measurement; raw: none '
       'or target. Empty: observed, none', choices=INTEGRALS),
    _p('actions.*.max_error', 'double[]', [], 'integrate leaky: greatest distance between target and measurement, per '
       'joint, or x, y, z', unit='rad, m', low=1e-9),
    _p('actions.*.max_rotation_error', 'double', INF, 'pose_delta, integrate leaky: greatest angle between target '
       'and measured orientation', unit='rad', low=1e-9),
    _p('actions.*.max_hold_error', 'double[]', [], 'fallback hold, and after a pause: greatest distance between '
       'measurement and kept command. Empty: joints 0.1, pose 0.02, gripper 0.01', unit='rad, m', low=1e-9),
    _p('actions.*.max_hold_rotation_error', 'double', 0.1, 'pose_delta: likewise, its angle', unit='rad', low=1e-9),
    _p('actions.*.max_tracking_error', 'double[]', [], 'greatest distance between measurement and last command, per '
       'joint, or x, y, z; beyond it the robot is latched on its fallback until ~/resume. Empty: no limit, as tasks in '
       'contact need; the diagnostics show the largest error. Without effect in lockstep', unit='rad, m', low=1e-9),
    _p('actions.*.limits', 'string', '', 'none: commands may lack limits. Otherwise configure refuses positions '
       'without lower, upper and max_velocity (a pose: max_angular_velocity, too; a gripper: max_velocity), velocities '
       'without max_velocity or lower and upper (a twist: max_angular_velocity, too), efforts without max_effort, '
       'wrenches without max_force and max_torque', choices=('', LIMITLESS)),
    _p('actions.*.lower', 'double[]', [], 'least command: per joint, axis or number, or x, y, z of a pose',
       unit="the command's"),
    _p('actions.*.upper', 'double[]', [], 'greatest command, like lower', unit="the command's"),
    _p('actions.*.max_velocity', 'double[]', [], 'greatest speed of a position from the last one sent, one for all '
       'or one each (a pose: along its path); greatest speed of joint_velocity and of a twist', unit='rad/s, m/s',
       low=1e-6),
    _p('actions.*.max_acceleration', 'double[]', [], 'joint_*, twist: how fast the commanded speed may change',
       unit='rad/s², m/s²', low=1e-6),
    _p('actions.*.max_angular_velocity', 'double', INF, 'pose_delta: how fast a target may turn; twist: greatest speed',
       unit='rad/s', low=1e-6),
    _p('actions.*.max_angular_acceleration', 'double', INF, 'twist: how fast the angular velocity may change',
       unit='rad/s²', low=1e-6),
    _p('actions.*.max_effort', 'double[]', [], 'effort: bound ±, one for all or one each', unit='N·m, N', low=1e-9),
    _p('actions.*.max_force', 'double', INF, 'wrench: greatest force', unit='N', low=1e-9),
    _p('actions.*.max_torque', 'double', INF, 'wrench: greatest torque', unit='N·m', low=1e-9),
    _p('actions.*.max_effort_rate', 'double[]', [], 'effort: how fast the command may change, one for all or one each',
       unit='N·m/s, N/s', low=1e-9),
    _p('actions.*.max_force_rate', 'double', INF, 'wrench: how fast the force may change', unit='N/s', low=1e-9),
    _p('actions.*.max_torque_rate', 'double', INF, 'wrench: how fast the torque may change', unit='N·m/s', low=1e-9),
    _p('actions.*.position_scale', 'double[]', [0.01], 'pose_delta: metres per unit of action', unit='m'),
    _p('actions.*.rotation_scale', 'double[]', [0.05], 'pose_delta: radians per unit of action', unit='rad'),
    _p('actions.*.rotation_threshold', 'double', 1e-6, 'pose_delta: angle up to which no turn is commanded',
       unit='rad', low=0.0),
    _p('actions.*.mode', 'string', 'proportional', 'gripper: between closed (−1) and open (+1), or open from the '
       'threshold on', choices=GRIPPER_MODES),
    _p('actions.*.threshold', 'double', 0.0, 'gripper, mode threshold: least action that opens'),
    _p('actions.*.open', 'double[]', [], 'gripper: command that opens, one for all joints or one each', unit='m, rad'),
    _p('actions.*.closed', 'double[]', [], 'gripper: command that closes', unit='m, rad'),
    _p('actions.*.table', 'double[]', [], 'discrete: the command of each choice, one after the other',
       unit="the command's"),
    _p('actions.*.table_columns', 'integer', 0, 'discrete: numbers of each command in table', low=0),
)
