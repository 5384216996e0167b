"""Every parameter of the package, in one place: name, type, default, unit, bounds, meaning.

`*` stands for a name the user gives (a source, a term, …). The policy node and the simulator bridge
read the same file, so that both know all of it.
"""
import math
from typing import Final

from rl_policy_node.control.action_spec import ACTION_KINDS, FALLBACKS, GRIPPER_MODES, INTEGRALS
from rl_policy_node.control.specs import ALIGNMENTS, RESUMES, TRIGGERS
from rl_policy_node.control.terms.spec import CHOICES, TERM_KINDS
from rl_policy_node.nodes.declaration import BLANK, FROM_RUN, INF, Parameter, REQUIRED

__all__ = ['BLANK', 'FROM_RUN', 'INF', 'PARAMETERS', 'Parameter', 'REQUIRED', 'find']

_p = Parameter

PARAMETERS: Final = (
    _p('policy.train_config', 'string', REQUIRED, "a run directory, or its configuration: rl_games' train YAML, "
       "IsaacGymEnvs' config.yaml, Isaac Lab's agent.yaml"),
    _p('policy.checkpoint', 'string', '', "checkpoint that rl_games wrote (.pth); best or newest of the run's own; "
       'empty: best. Its weights alone are read'),
    _p('policy.checkpoint_sha256', 'string', '', 'checksum the checkpoint must have; empty: any'),
    _p('policy.allow_untrusted_pickle', 'string', '', 'file name of a checkpoint that may RUN CODE as it is read; '
       'empty: none, and so it should stay'),
    _p('policy.overrides', 'string[]', [], "changes to the run's configuration in Hydra's form: name=value, "
       '+name=value, ~name'),
    _p('policy.plugins', 'string[]', [], 'Python modules, or .py files, that register networks, models or players '
       'with rl_games'),
    _p('policy.device', 'string', 'auto', 'torch device: auto, cpu, cuda:0, …'),
    _p('policy.backend', 'string', 'auto', "what computes the actions: eager, rl_games' player itself; onnx, ONNX "
       'Runtime; cuda_graph, a captured CUDA graph. The last two are tried against eager at configure, and eager takes '
       'their place, with a warning, where they differ. auto: the fastest on the device',
       choices=('auto', 'eager', 'onnx', 'cuda_graph')),
    _p('policy.tolerance', 'double', 1e-5, "greatest difference of a backend's actions to those of rl_games' player; "
       "relative beyond 1", low=0.0),
    _p('policy.onnx_providers', 'string[]', [], "ONNX Runtime's execution providers, first choice first, such as "
       'TensorrtExecutionProvider; empty: CUDA on a GPU where this build has it, else the CPU'),
    _p('policy.deterministic', 'bool', True, 'act on the mean of the distribution instead of a sample'),
    _p('policy.sigma', 'double', math.nan, 'log standard deviation of the samples; not a number: as trained'),
    _p('policy.threads', 'integer', 1, 'CPU threads that compute a step', low=1, high=256),
    _p('policy.clip_observations', 'double', FROM_RUN, "clip every input to ± this, as the environment's "
       'clipObservations did; 0: as the run says, .inf: never', low=0.0),
    _p('policy.clip_actions', 'double', FROM_RUN, "clip every action to ± this, as the environment's clipActions did; "
       '0: as the run says, .inf: never', low=0.0),

    _p('spaces.observation.*', 'integer[]', [], 'shape of an input of the network (obs for a flat policy), where '
       'neither the run nor the weights tell it'),
    _p('spaces.actions', 'integer', 0, 'number of continuous actions; 0: as the run or the weights say', low=0),
    _p('spaces.discrete', 'integer[]', [], 'number of choices of each discrete action'),
    _p('spaces.action_low', 'double[]', [], 'lower bound of the action space, one for all or one each'),
    _p('spaces.action_high', 'double[]', [], 'upper bound of the action space, one for all or one each'),
    _p('spaces.uint8', 'string[]', [], 'inputs that are images of bytes, which the policy divides by 255'),

    _p('control_rate', 'double', FROM_RUN, 'steps of the policy per second; 0: as the run says', unit='Hz',
       low=0.0, high=2000.0),
    _p('trigger', 'string', 'timer', 'what starts a step: timer (control_rate), observation (every source has a new '
       'message), lockstep (the same, and the simulator waits for the command)', choices=TRIGGERS),
    _p('lockstep_timeout', 'double', 10.0, 'silence of a simulator in lockstep after which the fallback goes out',
       unit='s', low=0.1),
    _p('robots', 'string[]', [''], 'namespace of each robot; one row of the batch and one recurrent state each'),
    _p('alignment_reference', 'string', '', 'source whose newest stamp is the reference of those with alignment asof; '
       'empty: the time of the step for trigger timer, else the oldest of the newest stamps'),
    _p('rows', 'integer', 0, 'rows of the batch where one message of each source and each action carries all of them '
       "(rows: true), and robots stays ['']; 0: one for each robot", low=0),
    _p('robots_required', 'string', 'all', 'which robots have to be there before activation: all, or any: the others '
       'join later', choices=('all', 'any')),
    _p('shadow', 'bool', False, 'everything runs, but commands go to ~/shadow/<topic> instead of the robots'),
    _p('blend_in', 'double', 0.0, 'time in which commands go over from what is held to what the policy wants, after '
       'activation and after a fallback', unit='s', low=0.0, high=60.0),
    _p('blend', 'double', 1.0, "share of the policy's command in what is sent: held + blend · (target − held); of "
       'velocities, efforts and wrenches, and of the steps of joint_delta and pose_delta', low=0.0, high=1.0),
    _p('episode_topic', 'string', '', "std_msgs/Header whose stamp is the start of the robot's episode; with rows, "
       'std_msgs/Int64MultiArray of the starts of all rows, ns. A new one resets the recurrent state of its row. '
       'Empty: none'),
    _p('resume', 'string', 'on_request', 'how a robot that fell out comes back: on_request, by ~/resume alone; '
       'automatic, by itself where it was out for less than 1 s and had been there at the activation. In lockstep '
       'always by itself', choices=RESUMES),
    _p('resume_after', 'double', 0.5, 'time for which all that a robot needs has to arrive before it acts again; not '
       'in lockstep', unit='s', low=0.0, high=60.0),
    _p('latch_falls', 'integer', 3, 'how often a robot may fall out within latch_window; one time more, and it stays '
       'out until ~/resume; not in lockstep', low=0, high=1000),
    _p('latch_window', 'double', 10.0, 'see latch_falls', unit='s', low=0.0),
    _p('autostart', 'bool', False, 'configure and activate without being asked'),
    _p('executor', 'string', 'events', 'rclpy executor; falls back to single_threaded where events is not there',
       choices=('events', 'single_threaded')),

    _p('enable.topic', 'string', '', 'topic on which somebody says again and again that the robots may move: false, '
       'or silence for longer than enable.timeout, brings the fallback. Empty: nobody is asked'),
    _p('enable.type', 'string', 'std_msgs/msg/Bool', 'its message type', choices=(
       'std_msgs/msg/Bool', 'sensor_msgs/msg/Joy')),
    _p('enable.button', 'integer', 0, 'Joy: the button that is held down, from 0', low=0, high=1000),
    _p('enable.timeout', 'double', 0.5, 'how long one message holds, from its receipt on', unit='s', low=0.01,
       high=60.0),

    _p('scheduling.priority', 'integer', 0, 'SCHED_FIFO priority of the control thread, where the system permits it; '
       "below that of the robot's own drivers. 0: scheduled like any other", low=0, high=99),
    _p('scheduling.cpus', 'integer[]', [], 'CPUs that the control thread keeps to; empty: any', low=0, high=4095),

    _p('sources.*.topic', 'string', '', "topic, below each robot's namespace; required but for type tf2"),
    _p('sources.*.type', 'string', REQUIRED, "message type, package/msg/Type; package.module:Class for an adapter of "
       "one's own; tf2 for the pose of a frame"),
    _p('sources.*.target_frame', 'string', '', "type tf2: frame that the pose is in; {robot} is the robot's namespace"),
    _p('sources.*.source_frame', 'string', '', 'type tf2: frame whose pose it is'),
    _p('sources.*.max_age', 'double', 0.1, 'age at which a value is stale and the fallback goes out',
       unit='s', low=1e-3),
    _p('sources.*.use_header_stamp', 'bool', True,
       'let the header stamp count for age and order beside the time of receipt'),
    _p('sources.*.encoding', 'string', '', 'encoding of images; empty: 32FC3, rgb8 of compressed ones'),
    _p('sources.*.alignment', 'string', 'hold', 'which message a step takes: hold, the latest; asof, the latest not '
       "newer than the step's reference stamp; drop, the latest, once: without a new one the robot does not act",
       choices=ALIGNMENTS),
    _p('sources.*.frozen_after', 'double', 0.0, 'time of identical payloads after which the sensor counts as dead and '
       'the fallback goes out; 0: never', unit='s', low=0.0),
    _p('sources.*.future_tolerance', 'double', 0.0, 'how far ahead a header stamp may lie; 0: two periods of the '
       'control, at least 0.1 s', unit='s', low=0.0),
    _p('sources.*.rows', 'bool', False, 'one message, of a type that ends in MultiArray, carries all rows in its '
       'first dimension; its topic has no namespace'),

    _p('inputs.*', 'string[]', REQUIRED, 'terms of an input of the network, in the order of training; a flat policy '
       'has the one input obs'),

    _p('terms.*.kind', 'string', 'field', 'what the term is computed from', choices=TERM_KINDS),
    _p('terms.*.source', 'string', '', 'source it is taken from'),
    _p('terms.*.field', 'string', '', 'field of the source; of kinds that need a position or an orientation, by '
       'default `position`, `orientation`'),
    _p('terms.*.joints', 'string[]', [], "joints by name, in the order of training; {robot} in a name is the robot's "
       'namespace'),
    _p('terms.*.elements', 'integer[]', [], 'numbers of the field (or of the last action) by position, from 0', low=0),
    _p('terms.*.shape', 'integer[]', [], "shape of what the source sends (of a function: of what it returns); by "
       "default the input's, where the term is alone in it", low=1),
    _p('terms.*.offset', 'double[]', [], 'subtracted from the value, one for all or one each'),
    _p('terms.*.clip', 'double', INF, 'bound ± on value − offset', low=0.0),
    _p('terms.*.clip_range', 'double[]', [], 'bounds [least, greatest] on value − offset, instead of clip'),
    _p('terms.*.scale', 'double[]', [], 'multiplied after the clip, one for all or one each'),
    _p('terms.*.history', 'integer', 1, 'samples of the term, oldest first, flattened; the first one after a reset '
       'fills all (Isaac Lab: `history_length`)', low=1, high=1000),
    _p('terms.*.history_stride', 'integer', 1, 'steps between two samples of the history', unit='steps',
       low=1, high=1000),
    _p('terms.*.convention', 'string', 'xyzw', 'order in which the policy was trained to see quaternions: '
       'IsaacGymEnvs xyzw, Isaac Lab wxyz; sources are xyzw', choices=CHOICES['convention']),
    _p('terms.*.unique_sign', 'bool', False, 'quaternions with w ≥ 0 only (Isaac Lab: `quat_unique`)'),
    _p('terms.*.crop', 'integer[]', [], 'images: top, left, height, width that are kept', unit='pixels', low=0),
    _p('terms.*.depth_clip', 'double[]', [], 'images: near and far that the value is clipped to, and nothing else',
       unit='m', low=0.0),
    _p('terms.*.subsample', 'integer', 1, 'images: every nth pixel of every nth row is kept, as TacSL does', low=1),
    _p('terms.*.resize', 'integer[]', [], "images: height, width; Pillow's bilinear filter with antialias",
       unit='pixels', low=1),
    _p('terms.*.channels', 'integer[]', [], 'images: channels by index, in this order; [2, 1, 0] makes RGB of BGR',
       low=0),
    _p('terms.*.grey', 'bool', False, 'images: one channel, 0.299 red + 0.587 green + 0.114 blue'),
    _p('terms.*.zero_channels', 'integer[]', [], 'images and force fields: channels set to zero', low=0),
    _p('terms.*.layout', 'string', 'hwc', 'images: order of height, width, channels', choices=CHOICES['layout']),
    _p('terms.*.difference_to_tare', 'bool', False, 'minus the mean of tare_frames messages at rest; without that tare '
       'the robot does not act'),
    _p('terms.*.tare_frames', 'integer', 10, 'messages that a tare is the mean of', low=1, high=10000),
    _p('terms.*.tare_on_activate', 'bool', True, 'take the tare as the node activates; else only when asked'),
    _p('terms.*.orientation', 'string', 'orientation', 'relative_orientation, relative_pose: field of the target'),
    _p('terms.*.frame_source', 'string', '', "source of the frame's pose; rotate: by default the vector's"),
    _p('terms.*.frame_position', 'string', 'position', "field of the frame's position"),
    _p('terms.*.frame_orientation', 'string', 'orientation', "field of the frame's orientation"),
    _p('terms.*.yaw_only', 'bool', False, "keep of the frame's orientation the turn about z"),
    _p('terms.*.axes', 'string', 'frame', 'relative_*: axes that the result is in', choices=CHOICES['axes']),
    _p('terms.*.inverse', 'bool', True, 'projected_gravity, rotate: turn into the frame, by the inverse of its '
       'orientation; false: by the orientation'),
    _p('terms.*.six_d', 'string', 'columns', 'rotation_6d: which numbers of the matrix, in which order',
       choices=CHOICES['six_d']),
    _p('terms.*.minus_source', 'string', '', 'difference: source of what is subtracted'),
    _p('terms.*.minus_field', 'string', '', 'difference: field of what is subtracted'),
    _p('terms.*.frequency', 'double', 0.0, 'phase: cycles per second', unit='Hz', low=0.0, high=1000.0),
    _p('terms.*.values', 'double[]', [], 'constant: the numbers'),
    _p('terms.*.function', 'string', '', 'function: package.module:function'),
    _p('terms.*.fields', 'string[]', [], 'function: fields it is given, source.field each'),

    _p('actions.terms', 'string[]', REQUIRED, 'action terms, in the order of the action vector'),
    _p('actions.*.kind', 'string', REQUIRED, 'law that makes a command of the action', choices=ACTION_KINDS),
    _p('actions.*.topic', 'string', REQUIRED, "topic of the command, below each robot's namespace"),
    _p('actions.*.type', 'string', REQUIRED, 'message type of the command'),
    _p('actions.*.source', 'string', '', 'source that measures what is commanded, needed to hold it; commands carry '
       'its stamps'),
    _p('actions.*.fallback', 'string', '', "command when the policy may not act: hold: stop, and stay there; keep what "
       "was sent last; zero; value: fallback_value. Empty: the kind's own. hold or keep: joint_position, joint_delta, "
       'pose_delta; zero: joint_velocity, effort, twist, wrench; keep, hold or value: gripper; value: raw, discrete',
       choices=FALLBACKS),
    _p('actions.*.fallback_value', 'double[]', [], 'gripper, raw, discrete: the command of fallback value, one number '
       'for all or one each'),
    _p('actions.*.frame_id', 'string', '', 'frame of stamped commands'),
    _p('actions.*.time_from_start', 'double', 0.0, 'trajectories: when their point is to be reached; 0: two periods of '
       'the control, since a controller drops a point that lies in the past', unit='s', low=0.0),
    _p('actions.*.rows', 'bool', False, 'one message, a Float32MultiArray or Float64MultiArray, carries the commands '
       'of all rows in its first dimension; its topic has no namespace'),
    _p('actions.*.joints', 'string[]', [], 'joint_*, effort, gripper: joints by name, in the order of the action'),
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
    _p('actions.*.integrate', 'string', '', 'joint_delta, pose_delta: step from what was observed, from the target '
       'sent last (PLAI), or leaky: from the last target, but within max_error of what is measured; raw: none or '
       'target. Empty: observed, none', choices=INTEGRALS),
    _p('actions.*.max_error', 'double[]', [], 'integrate leaky: how far a target may be from what is measured, per '
       'joint, or x, y, z', unit='rad, m', low=1e-9),
    _p('actions.*.max_rotation_error', 'double', INF, 'pose_delta, integrate leaky: angle between target and '
       'measured orientation', unit='rad', low=1e-9),
    _p('actions.*.max_hold_error', 'double[]', [], 'fallback hold, and after a pause: how far what is measured may be '
       'from the command that is kept. Empty: joints 0.1, pose 0.02, gripper 0.01', unit='rad, m', low=1e-9),
    _p('actions.*.max_hold_rotation_error', 'double', 0.1, 'pose_delta: likewise, its angle', unit='rad', low=1e-9),
    _p('actions.*.lower', 'double[]', [], 'least command: per joint, axis or number, or x, y, z of a pose',
       unit="the command's"),
    _p('actions.*.upper', 'double[]', [], 'greatest command, like lower', unit="the command's"),
    _p('actions.*.max_velocity', 'double[]', [], 'how fast a position may move from the last one sent, one for all '
       'or one each (a pose: along its way); greatest speed of joint_velocity and of a twist', unit='rad/s, m/s',
       low=1e-6),
    _p('actions.*.max_acceleration', 'double[]', [], 'joint_*, twist: how fast the speed of what is sent may change',
       unit='rad/s², m/s²', low=1e-6),
    _p('actions.*.max_angular_velocity', 'double', INF, 'pose_delta: how fast a target may turn; twist: greatest speed',
       unit='rad/s', low=1e-6),
    _p('actions.*.max_angular_acceleration', 'double', INF, 'twist: how fast the angular velocity may change',
       unit='rad/s²', low=1e-6),
    _p('actions.*.max_effort', 'double[]', [], 'effort: bound ±, one for all or one each', unit='N·m, N', low=1e-9),
    _p('actions.*.max_force', 'double', INF, 'wrench: greatest force', unit='N', low=1e-9),
    _p('actions.*.max_torque', 'double', INF, 'wrench: greatest torque', unit='N·m', low=1e-9),
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

    _p('sim.environment', 'string', 'insertion', 'environment that stands in for the robots: insertion, isaacgym, '
       "gymnasium, or for one's own package.module:factory or /path/file.py:factory, called with num_envs, seed and "
       'sim.options'),
    _p('sim.id', 'string', '', "gymnasium: the environment's id, as gymnasium.make takes it, module:Id-v0 included"),
    _p('sim.options', 'string[]', [], 'name=value, handed to what makes the environment; gymnasium: to gymnasium.make, '
       'but for vectorization_mode: sync, async or vector_entry_point; isaacgym: changes to the task in '
       "Hydra's form, task.env.name=value"),
    _p('sim.config', 'string', '', 'isaacgym: the run, or its config.yaml, whose task is hosted; empty: '
       'policy.train_config'),
    _p('sim.device', 'string', 'cuda:0', 'isaacgym: device of the simulation and of its tensors'),
    _p('sim.graphics_device', 'integer', -1, 'isaacgym: device that renders; -1: none', low=-1),
    _p('sim.headless', 'bool', True, 'isaacgym: no window'),
    _p('sim.python', 'string', '', 'interpreter that hosts the environment in a process of its own, such as '
       "Isaac Gym's Python 3.8; needs numpy there. Empty: the bridge's own"),
    _p('sim.python_path', 'string[]', [], 'folders to import the environment from'),
    _p('sim.python_variables', 'string[]', [], 'NAME=value, set in the environment of that interpreter; nothing of '
       "ROS's is"),
    _p('sim.start_timeout', 'double', 300.0, 'how long that process may take for making the environment, its first '
       'reset and its first step', unit='s', low=0.1),
    _p('sim.step_timeout', 'double', 10.0, 'how long it may take for a later step', unit='s', low=0.1),
    _p('sim.mode', 'string', 'real_time', 'real_time: at control_rate, /clock published, the last command held; '
       'lockstep: one step per command and nothing in between', choices=('real_time', 'lockstep')),
    _p('sim.seed', 'integer', 0, 'seed of the environment', low=0),
    _p('sim.episodes', 'integer', 0, 'end after so many episodes of all robots together; 0: never', low=0),
    _p('sim.steps', 'integer', 0, 'end after so many steps; 0: never', low=0),
    _p('sim.episode_length', 'integer', 256, 'insertion: steps of an episode', low=1),
    _p('sim.stagger', 'bool', False, 'insertion: let the episodes of the robots end one after another'),
    _p('sim.record', 'string', '', '.npz file that every observation, action and reward is written to at the end'),
    _p('sim.summary', 'string', '', '.json file for the figures of the run'),
    _p('sim.latency', 'double', 0.0, 'how much later than measured an observation arrives; in real time it bears the '
       'stamp of its measurement, in lockstep, in simulated time, the one of its arrival', unit='s', low=0.0,
       high=10.0),
    _p('sim.latency_jitter', 'double', 0.0, 'greatest random delay that an observation has besides', unit='s',
       low=0.0, high=10.0),
    _p('sim.command_latency', 'double', 0.0, 'how much later than sent a command takes effect, in whole periods, '
       'rounded up', unit='s', low=0.0, high=10.0),
    _p('sim.drop', 'double', 0.0, 'share of the messages of sources that are lost', low=0.0, high=1.0),
    _p('sim.reorder', 'double', 0.0, 'share of the messages of sources that come a period after the one that '
       'follows them', low=0.0, high=1.0),
    _p('sim.noise.*.*', 'double', 0.0, 'sim.noise.<source>.<field>: standard deviation of what is added to every '
       "number of a source's field; orientations are turned by a random rotation of this angle, rad; bytes are rounded "
       'and clipped', unit="the field's", low=0.0),
    _p('sim.rate_drift', 'double', 0.0, "greatest share by which the simulator's period wanders off; real time only",
       low=0.0, high=0.9),
)


def find(name: str) -> Parameter | None:
    """Return the declaration that a parameter's name falls under, or None."""
    exact = [p for p in PARAMETERS if p.name == name]
    return exact[0] if exact else next((p for p in PARAMETERS if '*' in p.name and _matches(p.name, name)), None)


def _matches(pattern: str, name: str) -> bool:
    parts, names = pattern.split('.'), name.split('.')
    return len(parts) == len(names) and all(part in ('*', each) for part, each in zip(parts, names))
