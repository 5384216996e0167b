# SPDX-License-Identifier: Apache-2.0
"""Stands in for IsaacGymEnvs: make(), as its users call it."""

from omegaconf import OmegaConf

from isaacgymenvs.utils.reformat import omegaconf_to_dict

OmegaConf.register_new_resolver('eq', lambda a, b: a.lower() == b.lower())
OmegaConf.register_new_resolver('contains', lambda part, whole: part.lower() in whole.lower())
OmegaConf.register_new_resolver('if', lambda condition, yes, no: yes if condition else no)
OmegaConf.register_new_resolver('resolve_default', lambda default, value: default if value == '' else value)


def make(
    seed,
    task,
    num_envs,
    sim_device,
    rl_device,
    graphics_device_id=-1,
    headless=False,
    multi_gpu=False,
    virtual_screen_capture=False,
    force_render=True,
    cfg=None,
):
    """Return a task; of the configuration only cfg.task counts, and for what it says itself nothing else does."""
    from isaacgymenvs.tasks import isaacgym_task_map

    config = omegaconf_to_dict(cfg.task)
    return isaacgym_task_map[config['name']](
        cfg=config,
        rl_device=rl_device,
        sim_device=sim_device,
        graphics_device_id=graphics_device_id,
        headless=headless,
        virtual_screen_capture=virtual_screen_capture,
        force_render=force_render,
    )
