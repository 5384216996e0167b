# SPDX-License-Identifier: Apache-2.0
"""The parameters of the control, of consent, of the threads and of the sources."""
from typing import Final

from rl_policy_node.control.specs import ALIGNMENTS, DURABILITIES, OOD_ACTIONS, RESUMES, STALE, TRIGGERS
from rl_policy_node.nodes.parameters.declaration import FROM_RUN, INF, Parameter, REQUIRED

_p = Parameter

ROBOTS: Final = (
    _p('control_rate', 'double', FROM_RUN, 'steps of the policy per second; 0: as in the run', unit='Hz',
       low=0.0, high=2000.0),
    _p('trigger', 'string', 'timer', 'what starts a step: timer (control_rate), observation (control_rate, once '
       'every source has a new message; sensors slower than 80 % of it put their robot on the fallback), lockstep '
       '(every source has a new message, and the simulator waits for the command)', choices=TRIGGERS),
    _p('lockstep_timeout', 'double', 10.0, 'silence of a simulator in lockstep after which the fallback goes out',
       unit='s', low=0.1),
    _p('robots', 'string[]', [''], 'namespace of each robot; one row of the batch and one recurrent state each'),
    _p('alignment_reference', 'string', '', 'source whose newest stamp is the reference of those with alignment asof; '
       'empty: the time of the step for trigger timer, else the oldest of the newest stamps'),
    _p('rows', 'integer', 0, 'rows of the batch where one message of each source and each action carries all of them '
       "(rows: true), and robots stays ['']; 0: one for each robot", low=0),
    _p('robots_required', 'string', 'all', 'which robots must send data before activation: all, or any: the others '
       'join later', choices=('all', 'any')),
    _p('shadow', 'bool', False, 'everything runs, but commands go to ~/shadow/<topic> instead of the robots'),
    _p('blend_in', 'double', 0.0, 'time in which commands change from the held ones to those of the policy, after '
       'activation and after a fallback', unit='s', low=0.0, high=60.0),
    _p('blend', 'double', 1.0, 'share of the policy in a command: held + blend · (target − held); of '
       'velocities, efforts and wrenches, and of the steps of joint_delta and pose_delta', low=0.0, high=1.0),
    _p('episode_topic', 'string', '', "std_msgs/Header whose stamp is the start of the robot's episode; with rows, "
       'std_msgs/Int64MultiArray of the starts of all rows, ns. A new one resets the recurrent state of its row. '
       'Empty: none'),
    _p('resume', 'string', 'on_request', 'how a robot that fell out comes back: on_request, by ~/resume alone; '
       'automatic, by itself where it was out for less than 1 s and took part from the activation on. In lockstep '
       'always by itself', choices=RESUMES),
    _p('resume_after', 'double', 0.5, 'time for which all data of a robot must arrive before it acts again; not '
       'in lockstep', unit='s', low=0.0, high=60.0),
    _p('latch_falls', 'integer', 3, 'how often a robot may fall out within latch_window; one more time, and it stays '
       'out until ~/resume; not in lockstep', low=0, high=1000),
    _p('latch_window', 'double', 10.0, 'see latch_falls', unit='s', low=0.0),
    _p('ood.limit', 'double', 6.0, 'standard deviations from the mean of training, by the running mean and variance of '
       "the checkpoint's normaliser; a robot with a term that lies further off, smoothed, is out of distribution. The "
       'normaliser itself clamps at 5', low=1.0),
    _p('ood.action', 'string', 'warn', 'what happens then: warn, in log and diagnostics; hold, the fallback, as with a '
       'sensor that is silent; latch, the fallback until ~/resume', choices=OOD_ACTIONS),
    _p('ood.time', 'double', 0.25, 'time constant of the smoothing; and how long a number of a grid (taxels, pixels) '
       'stays the same, while its neighbours move, until it counts as frozen', unit='s', low=0.001, high=60.0),
    _p('ood.clip_time', 'double', 0.5, "how long a term may stay at its clip, the normaliser's or clip_observations",
       unit='s', low=0.001, high=600.0),

    _p('guardian', 'bool', True, 'a small separate process watches the control loop: when the loop falls silent, the '
       'process fences this node and publishes the fallback in its place, the last command of positions, zero of '
       'velocities, efforts and wrenches. Not in lockstep, where a simulator waits'),
    _p('guardian_timeout', 'double', 0.0, 'silence of the control loop after which the guardian acts, 0.02 to 1 s, '
       'at least two periods of the control; 0: three periods, at least 0.1 s', unit='s', low=0.0, high=1.0),
    _p('autostart', 'bool', False, 'configure and activate at the start'),
    _p('exclusive', 'bool', True, 'whether another publisher on a command topic refuses activation and, found later, '
       'stops the robots until ~/resume; false: a warning. Not in shadow; in lockstep at activation only'),
    _p('consumer_timeout', 'double', 2.0, 'how long the commands of a robot may lack a subscriber, once they had one '
       'since activation; then the robot is latched on its fallback until ~/resume. Checked once per second; a killed '
       'subscriber counts until the middleware gives it up. 0: no limit. Not in shadow, nor in lockstep', unit='s',
       low=0.0, high=3600.0),
    _p('heartbeat', 'bool', True, 'publish ~/heartbeat, a std_msgs/Header with the time, at the control rate while '
       'active, also on the fallback: its absence shows other nodes that the control loop stands still'),
    _p('executor', 'string', 'events', 'rclpy executor; single_threaded takes the place of events where this rclpy '
       'lacks it, and for good where messages come faster than they are read',
       choices=('events', 'single_threaded')),

    _p('enable', 'string', '', 'none: the robots move without a heartbeat from a person; otherwise enable.topic is '
       'required', choices=('', 'none')),
    _p('enable.topic', 'string', '', 'topic on which a person keeps enabling the robots: false, or silence for '
       'longer than enable.timeout, brings the fallback'),
    _p('enable.type', 'string', 'std_msgs/msg/Bool', 'its message type', choices=(
       'std_msgs/msg/Bool', 'sensor_msgs/msg/Joy')),
    _p('enable.button', 'integer', 0, 'Joy: the button to be held down, from 0', low=0, high=1000),
    _p('enable.timeout', 'double', 0.5, 'how long one message holds, from its receipt on', unit='s', low=0.01,
       high=60.0),

    _p('robot_state.topic', 'string', '', "topic, below each robot's namespace, on which its driver reports its state: "
       'one not in robot_state.values latches the robot on its fallback until ~/resume. Empty: not needed'),
    _p('robot_state.type', 'string', 'std_msgs/msg/Bool', 'its message type', choices=(
       'std_msgs/msg/Bool', 'std_msgs/msg/String', 'std_msgs/msg/UInt8', 'std_msgs/msg/Int8', 'std_msgs/msg/Int32')),
    _p('robot_state.values', 'string[]', [], 'the values, as text, that permit motion; Bool: true'),
    _p('robot_state.timeout', 'double', INF, 'how long one message holds, from its receipt on', unit='s', low=0.01),
    _p('robot_state.durability', 'string', 'volatile', 'transient_local takes the last message of a driver that '
       'latches its topic', choices=DURABILITIES),

    _p('scheduling.priority', 'integer', 0, 'SCHED_FIFO priority of the control thread, where the system permits it; '
       "below that of the robot's own drivers. 0: scheduled like any other", low=0, high=99),
    _p('scheduling.cpus', 'integer[]', [], 'CPUs that the control thread keeps to; empty: any', low=0, high=4095),

    _p('sources.*.topic', 'string', '', "topic, below each robot's namespace; required but for type tf2"),
    _p('sources.*.type', 'string', REQUIRED, 'message type, package/msg/Type; package.module:Class for your own '
       'adapter; tf2 for the pose of a frame'),
    _p('sources.*.target_frame', 'string', '', "type tf2: frame that the pose is in; {robot} is the robot's namespace"),
    _p('sources.*.source_frame', 'string', '', 'type tf2: frame whose pose it is'),
    _p('sources.*.frame_id', 'string', '', "frame in the header of each message, such as the one of goals; "
       "others are refused. {robot} is the robot's namespace. Empty: any"),
    _p('sources.*.max_age', 'double', 0.1, 'age at which a value is stale and the fallback goes out',
       unit='s', low=1e-3),
    _p('sources.*.use_header_stamp', 'bool', True,
       'let the header stamp count for age and order beside the time of receipt'),
    _p('sources.*.encoding', 'string', '', 'encoding of images; empty: 32FC3, rgb8 of compressed ones'),
    _p('sources.*.alignment', 'string', 'hold', 'which message a step takes: hold, the latest; asof, the latest not '
       "newer than the step's reference stamp; drop, the latest, once: without a new one the robot does not act",
       choices=ALIGNMENTS),
    _p('sources.*.durability', 'string', 'volatile', 'transient_local also takes what was published before this node '
       'came, such as a latched goal, reliable; max_age may then be .inf, and stamps old. Never for velocities',
       choices=DURABILITIES),
    _p('sources.*.stale', 'string', 'hold', 'effect of a value older than max_age: hold, the fallback; zero, for '
       'velocities that a person commands: they read as zeros, also before the first message, and the policy goes on, '
       'for example to keep its balance. With trigger observation no step waits for them', choices=STALE),
    _p('sources.*.frozen_after', 'double', 0.0, 'time of identical payloads after which the sensor counts as dead and '
       'the fallback goes out; 0: never', unit='s', low=0.0),
    _p('sources.*.future_tolerance', 'double', 0.0, 'how far ahead a header stamp may lie; 0: two periods of the '
       'control, at least 0.1 s', unit='s', low=0.0),
    _p('sources.*.rows', 'bool', False, 'one message, of a type that ends in MultiArray, carries all rows in its '
       'first dimension; its topic has no namespace'),
)
