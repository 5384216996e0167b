# SPDX-License-Identifier: Apache-2.0
"""Play a task in Isaac Lab's own Python with random actions, and record raw state beside observations.

python raw_recorded.py ISAACLAB.PY RECORD.npz TASK ROWS STEPS CLIP [OVERRIDE …]
"""

import importlib.util
import json
import sys

import numpy as np
import torch


def main(file, record, task, rows, steps, clip, *overrides):
    """Record `steps` steps: index 0 of observations and raw state is that after the reset, i that after step i."""
    spec = importlib.util.spec_from_file_location('hosted_isaaclab', file)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    env = module.create(rows, 3, task, wrapper={'clip_actions': clip}, device='cpu', overrides=overrides)
    draw = torch.Generator().manual_seed(7)
    found = {'obs': [env.reset()['obs'].numpy().copy()], 'actions': [], 'dones': [], **raw(env)}
    for _ in range(steps):
        actions = 1.5 * torch.randn(rows, env.action_space.shape[0], generator=draw)
        observations, _, dones, _ = env.step(actions)
        for name, value in {'obs': observations['obs'], 'actions': actions, 'dones': dones}.items():
            found[name].append(value.numpy().copy())
        for name, value in raw(env).items():
            found[name] += value
    own = articulation(env._wrapped.unwrapped.scene)
    np.savez(record, scene=json.dumps(env.scene), own=json.dumps(own), **{k: np.stack(v) for k, v in found.items()})
    env.close()


def raw(env):
    """Return raw/name → [what it is now]."""
    return {f'raw/{name}': [value.numpy().copy()] for name, value in env.raw().items()}


def articulation(scene):
    """Return what the only articulation has itself."""
    ((name, robot),) = scene.articulations.items()
    data = robot.data
    limits = data.soft_joint_pos_limits.torch[0]
    return {
        'name': name,
        'joints': robot.joint_names,
        'bodies': robot.body_names,
        'default': data.default_joint_pos.torch[0].tolist(),
        'lower': limits[:, 0].tolist(),
        'upper': limits[:, 1].tolist(),
        # written by the actuators in a step
        'max_velocity': data.soft_joint_vel_limits.torch[0].tolist(),
    }


if __name__ == '__main__':
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]), *sys.argv[7:])
