# SPDX-License-Identifier: Apache-2.0
"""`rl_policy init` on the command line. What it needs is imported when it runs: it takes seconds."""

import argparse

from rl_policy_node.resources import resolve
from rl_policy_node.tools.command import add_override, add_plugin, add_settings, Command, positive


class Init(Command):
    """Write a parameter file for the node from a training run."""

    name = 'init'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('run', help='run directory, train YAML, config.yaml, agent.yaml, or a checkpoint of a run')
        add('checkpoint', nargs='?', default='', help="a .pth file, best or newest; default: the run's best")
        add('-o', '--output', required=True, metavar='FILE', help='the parameter file')
        add_override(parser)
        add_plugin(parser, 'the policy needs')
        add('--force', action='store_true', help='write over an existing file')
        add(
            '--joints',
            default='',
            metavar='NAME,…',
            help="all joints of the robot in the simulator's order, for a run of Isaac Lab: "
            'patterns of env.yaml become names, and offsets numbers',
        )
        add(
            '--urdf',
            default='',
            metavar='FILE',
            help="the robot's URDF: limits of its joints and, without --joints, their names in the order of the file, "
            "which may differ from the simulator's",
        )
        add(
            '--ask',
            action='store_true',
            help="start the run's simulator once, and take from it what it knows: joints in their order, default "
            'positions, limits, scales and offsets of actions. Where the run does not name the simulator, --simulator '
            'does; the file is for a robot all the same',
        )
        add(
            '--simulator',
            metavar='NAME',
            help='for a simulator instead of a robot, with nothing left to '
            'fill in: isaacgym, isaaclab, gymnasium, insertion, or package.module:factory',
        )
        add('--id', default='', help="the environment's id, for --simulator gymnasium; the task's name, for --ask")
        add('--rows', type=positive, default=64, help='environments, for --simulator (default: 64)')
        add('--python', default='', help='interpreter that hosts the environment, for --simulator and --ask')
        add_settings(parser, 'parameter of the simulator, for --ask, such as sim.device=cpu')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.init.draft_simulator import Simulator
        from rl_policy_node.tools.init.init import init
        from rl_policy_node.tools.init.robot_description import read_joints

        simulator = asked = None
        run = resolve(options.run)
        if options.ask:
            from rl_policy_node.tools.init.ask import ask

            named = (options.simulator or '', options.id, options.python)
            asked = ask(run, options.override, *named, options.settings)
        elif options.simulator:
            simulator = Simulator(options.simulator, options.id, options.python, options.rows)
        blanks = init(
            run,
            options.output,
            resolve(options.checkpoint),
            options.override,
            options.plugin,
            options.force,
            simulator,
            read_joints(options.joints, resolve(options.urdf)),
            asked,
        )
        print(f'{options.output}: {len(blanks)} blanks to fill in' + ''.join(f'\n  {name}' for name in blanks))
        print(f'then: rl_policy {"evaluate" if simulator and not blanks else "check"} {options.output}')
        return 0
