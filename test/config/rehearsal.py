# SPDX-License-Identifier: Apache-2.0
"""Rehearse an example of config/ without ROS."""

import dataclasses
import logging
from pathlib import Path

from rl_policy_node.nodes.policy.dry_run import DryRun, read_file

CONFIG = Path(__file__).resolve().parents[2] / 'config'


class Log:
    """What the node logs; throttling aside."""

    def __init__(self):
        self.info = self.warning = self.error = lambda text, **_: logging.getLogger(__name__).info(text)


def dry_run_of(name, train_config=None, checkpoint=None, overrides=(), change=lambda control: control):
    """Return the DryRun of an example, its run replaced and nothing else but what `change` does."""
    configuration = read_file(CONFIG / f'{name}.yaml')
    policy = dataclasses.replace(configuration.policy, device='cpu')
    if train_config:
        policy = dataclasses.replace(
            policy, train_config=str(train_config), checkpoint=str(checkpoint), overrides=tuple(overrides)
        )
    return DryRun(dataclasses.replace(configuration, policy=policy, control=change(configuration.control)), Log())
