# SPDX-License-Identifier: Apache-2.0
"""The command `rl_policy replay`. What it needs is imported when it runs."""

from __future__ import annotations

import argparse

from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import add_settings, Command


class Replay(Command):
    """Recompute every step of a recorded policy, and compare it bit for bit; or say what another would have done."""

    name = 'replay'
    failure = 2

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('bag', help='folder or file that a policy node recorded (record.directory)')
        add('--params', default='', metavar='FILE', help='parameter file, for a bag of topics that others recorded')
        add('--checkpoint', default='', metavar='FILE', help='another policy, side by side with the recorded one')
        add('--backend', default='', help='another backend, side by side with the recorded one')
        add_settings(parser, 'another parameter, such as actions.arm.scale=[0.2], side by side with the recorded one')
        add('--json', default='', metavar='FILE', help='write the verdict there, too')
        add('--output', default='', metavar='FILE', help='.npz file of the actions and commands of both sides')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.nodes.policy.dry_run import read_values
        from rl_policy_node.tools.bag.bag import open_bag
        from rl_policy_node.tools.process.processes import private_domain
        from rl_policy_node.tools.replay.recorded_configuration import Changes
        from rl_policy_node.tools.replay.replay_bag import Files, replay
        from rl_policy_node.tools.replay.replay_topics import replay_topics

        bag = open_bag(options.bag)
        changes = Changes(options.checkpoint, options.backend, tuple(options.settings))
        if options.params:
            private_domain(chosen=False)
            replay_topics(bag, read_values(resolve(options.params)), changes, options.json)
            return 0
        return 0 if replay(bag, changes, Files(options.json, options.output)) else 1
