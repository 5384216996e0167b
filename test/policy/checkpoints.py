# SPDX-License-Identifier: Apache-2.0
"""Small checkpoint files for the tests, and how a refused one is looked at."""

import os
import zipfile

import pytest
import torch

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.checkpoint.checkpoint import load_checkpoint

MODEL = {'a2c_network.mu.weight': torch.arange(6.0).reshape(2, 3), 'a2c_network.mu.bias': torch.ones(2)}


def save(path, **content):
    """Write a checkpoint of a tiny PPO run."""
    torch.save({'model': MODEL, **content}, path)
    return path


def refusal(path, *arguments):
    """Return the one line, naming the file, with which loading is refused."""
    with pytest.raises(ConfigurationError) as error:
        load_checkpoint(path, *arguments)
    message = str(error.value)
    assert message.startswith(f'checkpoint {path}: ') and '\n' not in message
    return message


def change_pickle(path, change, record='data.pkl'):
    """Write the file anew with `change` (bytes → bytes) applied to one record, checksums made to fit."""
    with zipfile.ZipFile(path) as source:
        records = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, 'w') as target:
        for name, content in records.items():
            target.writestr(name, change(content) if name.endswith(record) else content)


class Trap:
    """Creates a folder as soon as it is unpickled by whoever runs what a pickle asks for."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)
