# SPDX-License-Identifier: Apache-2.0
"""The command `rl_policy bundle`."""

import argparse

from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import Command


class Bundle(Command):
    """Copy a parameter file and all files that its policy needs into one folder, for the robot."""

    name = 'bundle'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('file', help='parameter file of the node')
        add('folder', help='folder to write; it works wherever it is copied to')
        add('--force', action='store_true', help='write into a folder that has files')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.bundle.bundle import bundle

        lines = bundle(resolve(options.file), options.folder, options.force)
        print('\n'.join(lines))
        print(f'then: rl_policy check {lines[0]}')
        return 0
