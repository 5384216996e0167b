# SPDX-License-Identifier: Apache-2.0
"""The parameters of the simulator that stands in for the robots."""
from typing import Final

from rl_policy_node.nodes.parameters.declaration import Parameter

_p = Parameter

SIMULATOR: Final = (
    _p('sim.environment', 'string', 'insertion', 'environment that stands in for the robots: insertion, isaacgym, '
       'gymnasium, or for your own package.module:factory or /path/file.py:factory, called with num_envs, seed and '
       'sim.options'),
    _p('sim.id', 'string', '', "gymnasium: the environment's id, as gymnasium.make takes it, module:Id-v0 included"),
    _p('sim.options', 'string[]', [], 'name=value, passed to the factory of the environment; gymnasium: to '
       'gymnasium.make, but for vectorization_mode: sync, async or vector_entry_point; isaacgym: changes to the task '
       "in Hydra's form, task.env.name=value"),
    _p('sim.config', 'string', '', 'isaacgym: the run, or its config.yaml, whose task is hosted; empty: '
       'policy.train_config'),
    _p('sim.device', 'string', 'cuda:0', 'isaacgym: device of the simulation and of its tensors'),
    _p('sim.graphics_device', 'integer', -1, 'isaacgym: device that renders; -1: none', low=-1),
    _p('sim.headless', 'bool', True, 'isaacgym: no window'),
    _p('sim.python', 'string', '', 'interpreter that hosts the environment in a process of its own, such as '
       "Isaac Gym's Python 3.8, which must have numpy. Empty: that of the bridge"),
    _p('sim.python_path', 'string[]', [], 'folders to import the environment from'),
    _p('sim.python_variables', 'string[]', [], 'NAME=value, set in the environment of that interpreter, which has no '
       'variables of ROS'),
    _p('sim.start_timeout', 'double', 300.0, 'how long that process may take to create the environment, for its '
       'first reset and its first step', unit='s', low=0.1),
    _p('sim.step_timeout', 'double', 10.0, 'how long it may take for a later step', unit='s', low=0.1),
    _p('sim.mode', 'string', 'real_time', 'real_time: at control_rate, /clock published, the last command held; '
       'lockstep: one step per command and nothing in between', choices=('real_time', 'lockstep')),
    _p('sim.seed', 'integer', 0, 'seed of the environment', low=0),
    _p('sim.episodes', 'integer', 0, 'end after this many episodes of all robots together; 0: never', low=0),
    _p('sim.steps', 'integer', 0, 'end after this many steps; 0: never', low=0),
    _p('sim.episode_length', 'integer', 256, 'insertion: steps of an episode', low=1),
    _p('sim.stagger', 'bool', False, 'insertion: let the episodes of the robots end one after another'),
    _p('sim.record', 'string', '', '.npz file of every observation, action and reward, written at the end'),
    _p('sim.summary', 'string', '', '.json file of the figures of the run'),
    _p('sim.latency', 'double', 0.0, 'delay of an observation; in real time it bears the stamp of its measurement, in '
       'lockstep, in simulated time, that of its arrival', unit='s', low=0.0,
       high=10.0),
    _p('sim.latency_jitter', 'double', 0.0, 'greatest additional random delay of an observation', unit='s',
       low=0.0, high=10.0),
    _p('sim.command_latency', 'double', 0.0, 'delay of a command, in whole periods, rounded up', unit='s', low=0.0,
       high=10.0),
    _p('sim.drop', 'double', 0.0, 'share of the messages of sources that are lost', low=0.0, high=1.0),
    _p('sim.reorder', 'double', 0.0, 'share of the messages of sources that arrive a period after their '
       'successor', low=0.0, high=1.0),
    _p('sim.noise.*.*', 'double', 0.0, 'sim.noise.<source>.<field>: standard deviation of the noise on every '
       "number of a source's field; orientations are turned by a random rotation of this angle, rad; bytes are rounded "
       'and clipped', unit="the field's", low=0.0),
    _p('sim.rate_drift', 'double', 0.0, "greatest share by which the simulator's period drifts; real time only",
       low=0.0, high=0.9),
)
