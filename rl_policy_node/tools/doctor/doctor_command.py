# SPDX-License-Identifier: Apache-2.0
"""The command `rl_policy doctor`. What it needs is imported when it runs."""

from __future__ import annotations

import argparse

from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import add_settings, Command


class Doctor(Command):
    """Examine a robot before its policy acts: topics, terms, the command at rest, joints moved by hand or by a jog."""

    name = 'doctor'
    failure = 2

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('file', help='parameter file of the robot')
        add('--seconds', type=float, default=5.0, help='to listen to the robot at rest')
        add('--at-rest', type=float, default=0.3, metavar='DISTANCE', help='that the policy may want to move, rad or m')
        add('--joints', action='store_true', help='ask for each joint to be moved by hand')
        add('--each', type=float, default=8.0, metavar='SECONDS', help='for each joint; Enter goes on sooner')
        add(
            '--jog',
            action='store_true',
            help='MOVES THE ROBOT: each joint of position commands out and back, while enable.topic is held',
        )
        add('--distance', type=float, default=0.1, help='of a jog, rad or m')
        add('--speed', type=float, default=0.1, help='of a jog at most, rad/s or m/s; max_velocity counts, too')
        add('--robot', metavar='NAMESPACE', help='whose joints are moved; default: the first')
        add('--namespace', default='', help='of the node, as a launch file sets it')
        add('--remap', action='append', default=[], metavar='FROM:=TO', help='as a launch file does it; repeatable')
        add('--json', action='store_true', help='the same as one JSON object')
        add('-o', '--output', default='', metavar='FILE', help='write the page there, too, as HTML')
        add_settings(parser, 'any parameter, such as control_rate=60.0')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.nodes.doctor.jog import JogSpec
        from rl_policy_node.tools.doctor.doctor import doctor, Visit
        from rl_policy_node.tools.process.processes import override_arguments
        from rl_policy_node.tools.settings import named_settings

        names = {'shadow': None, 'autostart': None}
        settings = override_arguments(named_settings(options.settings, names, 'doctor'))
        remaps = [*options.remap, *([f'__ns:={options.namespace}'] if options.namespace else [])]
        visit = Visit(
            seconds=options.seconds,
            each=options.each,
            at_rest=options.at_rest,
            joints=options.joints,
            jog=JogSpec(options.distance, options.speed) if options.jog else None,
            robot=options.robot,
            settings=settings,
            remaps=[argument for remap in remaps for argument in ('-r', remap)],
            as_json=options.json,
            output=options.output,
        )
        return doctor(resolve(options.file), visit)
