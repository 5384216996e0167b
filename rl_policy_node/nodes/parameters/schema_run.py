# SPDX-License-Identifier: Apache-2.0
"""The parameters that say which policy acts, and what goes in and comes out."""
import math
from typing import Final

from rl_policy_node.nodes.parameters.declaration import FROM_RUN, Parameter, REQUIRED

_p = Parameter

RUN: Final = (
    _p('policy.train_config', 'string', REQUIRED, "a run directory, or its configuration: rl_games' train YAML, "
       "IsaacGymEnvs' config.yaml, Isaac Lab's agent.yaml"),
    _p('policy.checkpoint', 'string', '', "checkpoint that rl_games wrote (.pth); best or newest of the run's own; "
       'empty: best. Its weights alone are read'),
    _p('policy.checkpoint_sha256', 'string', '', 'checksum the checkpoint must have; empty: any'),
    _p('policy.allow_untrusted_pickle', 'string', '', 'file name of a checkpoint that may RUN CODE while it is read; '
       'leave it empty: none'),
    _p('policy.overrides', 'string[]', [], "changes to the run's configuration in Hydra's form: name=value, "
       '+name=value, ~name'),
    _p('policy.plugins', 'string[]', [], 'Python modules, or .py files, that register networks, models or players '
       'with rl_games'),
    _p('policy.device', 'string', 'auto', 'torch device: auto, cpu, cuda:0, …'),
    _p('policy.backend', 'string', 'auto', "how actions are computed: eager, by rl_games' player itself; onnx, by ONNX "
       'Runtime; cuda_graph, by a captured CUDA graph. Configure compares the last two with eager, and uses eager, '
       'with a warning, where they differ. auto: the fastest on the device',
       choices=('auto', 'eager', 'onnx', 'cuda_graph')),
    _p('policy.tolerance', 'double', 1e-5, "greatest difference of a backend's actions to those of rl_games' player; "
       "relative beyond 1", low=0.0),
    _p('policy.onnx_providers', 'string[]', [], "ONNX Runtime's execution providers, first choice first, such as "
       'TensorrtExecutionProvider; empty: CUDA on a GPU where this build has it, else the CPU'),
    _p('policy.deterministic', 'bool', True, 'act on the mean of the distribution instead of a sample'),
    _p('policy.sigma', 'double', math.nan, 'log standard deviation when sampling; NaN keeps the trained value'),
    _p('policy.threads', 'integer', 1, 'CPU threads that compute a step', low=1, high=256),
    _p('policy.clip_observations', 'double', FROM_RUN, "clip every input to ± this, as the environment's "
       'clipObservations did; 0: as in the run, .inf: never', low=0.0),
    _p('policy.clip_inputs.*', 'double', REQUIRED, 'clip this input to ± this, in place of clip_observations; an input '
       'without one: as in the run; .inf: never', low=0.0),
    _p('policy.clip_actions', 'double', FROM_RUN, "clip every action to ± this, as the environment's clipActions did; "
       '0: as in the run, .inf: never', low=0.0),

    _p('spaces.observation.*', 'integer[]', [], 'shape of an input of the network (obs for a flat policy), where '
       'neither the run nor the weights give it'),
    _p('spaces.actions', 'integer', 0, 'number of continuous actions; 0: as in the run or the weights', low=0),
    _p('spaces.discrete', 'integer[]', [], 'number of choices of each discrete action'),
    _p('spaces.action_low', 'double[]', [], 'lower bound of the action space, one for all or one each'),
    _p('spaces.action_high', 'double[]', [], 'upper bound of the action space, one for all or one each'),
    _p('spaces.uint8', 'string[]', [], 'inputs that are images of bytes, which the policy divides by 255'),
)
