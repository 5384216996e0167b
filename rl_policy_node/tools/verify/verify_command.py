# SPDX-License-Identifier: Apache-2.0
"""The command `rl_policy verify`. What it needs is imported when it runs."""

from __future__ import annotations

import argparse

from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import add_settings, Command, natural, positive


class Verify(Command):
    """Compare what a parameter file makes of a simulated robot's messages with what the simulator gives the policy."""

    name = 'verify'
    failure = 2

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('file', help='parameter file of the robot')
        add('--simulator', default='', metavar='NAME', help='in place of sim.environment')
        add('--python', default='', help='interpreter that hosts the environment, in place of sim.python')
        add('--rows', type=positive, default=4, help='robots that play')
        add('--steps', type=positive, default=200, help='of the simulator')
        add('--seed', type=int, help='of the environment, and of random actions; default: as the file says')
        add('--actions', choices=('random', 'policy'), default='random', help="random, or the policy's")
        add('--tolerance', type=float, default=1e-5, help='greatest difference that counts as none, relative beyond 1')
        add(
            '--leave-out',
            type=natural,
            metavar='STEPS',
            help='first steps of each episode in which observations are not compared; default: 1 for isaacgym, whose '
            'tasks observe there what they did not compute of the state, else 0',
        )
        add(
            '--keep-signs',
            action='store_true',
            help='messages carry quaternions with the sign of the simulator; otherwise q and −q alternate at random, '
            'as either is the same orientation',
        )
        add('--through-ros', action='store_true', help='messages go over real topics, in a DDS domain of their own')
        add('--json', action='store_true', help='the same as one JSON object')
        add_settings(parser, 'any parameter, such as sim.sensors.goal.body=object')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.verify.comparing import Comparing, directly
        from rl_policy_node.tools.verify.verification import Played, through_ros, verify

        played = Played(
            rows=options.rows,
            steps=options.steps,
            seed=options.seed,
            actions=options.actions,
            simulator=options.simulator,
            python=options.python,
            settings=options.settings,
        )
        comparing = Comparing(
            seed=options.seed or 0,
            signs=not options.keep_signs,
            tolerance=options.tolerance,
            carrier=through_ros if options.through_ros else directly,
        )
        agrees = verify(resolve(options.file), played, comparing, options.json, options.leave_out)
        return 0 if agrees else 1
