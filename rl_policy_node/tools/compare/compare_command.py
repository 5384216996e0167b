# SPDX-License-Identifier: Apache-2.0
"""The command `compare`."""

import argparse

from rl_policy_node.tools.command import add_settings, Command, INSERTION, positive


class Compare(Command):
    """Compare two runs, or two checkpoints on the same episodes, with intervals."""

    name, failure = 'compare', 2

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add(
            'runs',
            metavar='RUN',
            nargs='*',
            help='two outputs of evaluate or demo, A and B; with --checkpoint one parameter file, by default that of '
            'the insertion that ships',
        )
        add(
            '--checkpoint',
            action='append',
            default=[],
            metavar='FILE',
            help='twice, A and B: play the same episodes with each, in lockstep in one process',
        )
        add('--episodes', type=positive, default=100, help='of all robots together, for --checkpoint')
        add('--robots', type=positive, help='rows of the batch, for --checkpoint; default: as the file says')
        add('--seed', type=int, help='of the environment, for --checkpoint; default: as the file says')
        add_settings(parser, 'any parameter of the nodes, for --checkpoint')
        add('--output', default='reports/compare', help='folder for the JSON and the picture')
        add('--json', metavar='FILE', help='write the JSON there, too')

    def run(self, options: argparse.Namespace) -> int:
        """Compare; return 0 if no difference was found, 1 if one was."""
        if not options.checkpoint:
            from rl_policy_node.tools.compare.comparing_runs import compare_runs

            return int(not compare_runs(options.runs, options.output, options.json))
        from rl_policy_node.errors import ConfigurationError
        from rl_policy_node.tools.compare.checkpoints import compare_checkpoints

        if len(options.runs) > 1:
            raise ConfigurationError(f'--checkpoint plays one parameter file; {len(options.runs)} are named')
        alike = compare_checkpoints(
            options.runs[0] if options.runs else INSERTION,
            options.checkpoint,
            options.episodes,
            options.robots,
            options.seed,
            options.settings,
            options.output,
            options.json,
        )
        return int(not alike)
