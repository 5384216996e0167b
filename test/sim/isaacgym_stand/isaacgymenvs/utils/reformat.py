# SPDX-License-Identifier: Apache-2.0
"""Configurations as dicts."""

from omegaconf import DictConfig


def omegaconf_to_dict(config):
    """Return a DictConfig as dicts, its lists as they are."""
    return {
        name: omegaconf_to_dict(value) if isinstance(value, DictConfig) else value for name, value in config.items()
    }
