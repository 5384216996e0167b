# SPDX-License-Identifier: Apache-2.0
"""Play the runs of the stand in a fresh process, made as IsaacGymEnvs' training script makes them, and hosted.

`as_trained.py OUT` writes OUT/<task>_trained.npz and OUT/<task>_hosted.npz.
"""

from pathlib import Path
import sys

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import isaacgym  # noqa: E402, F401 - before torch
import isaacgymenvs  # noqa: E402
from isaacgymenvs.utils.utils import set_seed  # noqa: E402
import hydra  # noqa: E402
import numpy as np  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402
from sim.isaacgym_runs import actions, hosted, record, ROWS, SEED, TASKS  # noqa: E402
import torch  # noqa: E402


def trained(task):
    """Return a task's record, from training's own calls, in training's own order."""
    cfg = OmegaConf.load(HERE / 'runs' / task / 'config.yaml')
    cfg.num_envs, cfg.seed, cfg.sim_device, cfg.rl_device, cfg.pipeline = ROWS, SEED, 'cpu', 'cpu', 'cpu'
    set_seed(cfg.seed)
    with hydra.initialize_config_dir(str(HERE / 'isaacgymenvs' / 'cfg'), version_base='1.1'):
        env = isaacgymenvs.make(
            cfg.seed,
            cfg.task_name,
            cfg.task.env.numEnvs,
            cfg.sim_device,
            cfg.rl_device,
            cfg.graphics_device_id,
            cfg.headless,
            cfg.multi_gpu,
            False,
            False,
            cfg,
        )

    def step(action):
        observations, rewards, dones, _ = env.step(torch.from_numpy(action))
        return numbers(observations), rewards.numpy().copy(), dones.numpy().astype(bool)

    def numbers(observations):
        inputs = observations['obs'] if isinstance(observations['obs'], dict) else {'obs': observations['obs']}
        return {name: tensor.numpy().copy() for name, tensor in inputs.items()}

    return record(numbers(env.reset()), map(step, actions()))


def main(folder):
    """Write the records."""
    for task in TASKS:
        np.savez(Path(folder) / f'{task}_trained.npz', **trained(task))
        environment = hosted(task)
        np.savez(Path(folder) / f'{task}_hosted.npz', **record(environment.reset(), map(environment.step, actions())))


main(sys.argv[1])
