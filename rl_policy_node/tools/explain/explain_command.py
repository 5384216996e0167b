# SPDX-License-Identifier: Apache-2.0
"""The command `rl_policy explain`. What it needs is imported when it runs."""

from __future__ import annotations

import argparse

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import add_settings, Command, positive


class Explain(Command):
    """Say why a policy works in simulation and not on the robot, from a recording of each."""

    name = 'explain'
    failure = 2

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('robot', help='bag of the policy node on the robot (record.directory)')
        add('--robot', metavar='NAME', dest='name', help='of a fleet, the one that fails; default: all together')
        add('--simulation', metavar='BAG', help='bag of it on a simulator, or what --keep wrote; of other episodes')
        add('--simulator', metavar='FILE', help='parameter file to play instead, with its own simulator')
        add('--rows', type=positive, default=16, help='robots that play the parameter file')
        add('--steps', type=positive, default=600, help='of its simulator')
        add('--seed', type=int, help='of its simulator; default: as the file says')
        add('--keep', metavar='FILE', help='write the recording of the simulator there (.npz), for --simulation')
        add('-o', '--output', default='explain.html', metavar='PAGE', help='page to write')
        add('--json', metavar='FILE', help='write what was found there, too')
        add_settings(parser, 'any parameter of the file that is played')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.explain.explain_run import explain_files, Simulated

        if bool(options.simulation) == bool(options.simulator):
            raise ConfigurationError('expected one of --simulation BAG and --simulator FILE: what to compare with')
        simulation = options.simulation or Simulated(
            file=resolve(options.simulator),
            rows=options.rows,
            steps=options.steps,
            seed=options.seed,
            settings=options.settings,
        )
        healthy = explain_files(
            options.robot, simulation, options.output, options.json, keep=options.keep, name=options.name
        )
        return 0 if healthy else 1
