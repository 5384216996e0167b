# SPDX-License-Identifier: Apache-2.0
"""The commands of `rl_policy`. What they need is imported when they run: it takes seconds."""

import argparse
from pathlib import Path
from typing import Final

from rl_policy_node.resources import resolve
from rl_policy_node.tools.bundle.bundle_command import Bundle
from rl_policy_node.tools.command import add_override, add_played, add_plugin, Command, INSERTION, MODELS, positive
from rl_policy_node.tools.compare.compare_command import Compare
from rl_policy_node.tools.doctor.doctor_command import Doctor
from rl_policy_node.tools.explain.explain_command import Explain
from rl_policy_node.tools.init.init_command import Init
from rl_policy_node.tools.replay.replay_command import Replay
from rl_policy_node.tools.verify.verify_command import Verify
from rl_policy_node.tools.watch.watch_command import Watch


class Demo(Command):
    """The shipped policy inserts pegs through two ROS 2 nodes."""

    name = 'demo'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('--episodes', type=positive, default=20, help='of all arms together')
        add('--lockstep', action='store_true', help='as fast as it goes, one step per command')
        add('--robots', type=positive, default=4, help='arms, one row of the batch each')
        add('--seed', type=int, default=7, help='of the environment')
        add('--output', default='reports/demo', help='folder for the report, the bags and the logs')
        add('--json', metavar='FILE', help='write the figures there, too')
        add('--no-report', action='store_true', help='figures and logs only')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.demo.demo import demo

        demo(
            INSERTION,
            options.episodes,
            options.lockstep,
            options.robots,
            options.seed,
            options.output,
            json_file=options.json,
            report=not options.no_report,
        )
        return 0


class Evaluate(Command):
    """The same episodes through the two nodes and in the loop of rl_games, side by side."""

    name = 'evaluate'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add_played(parser, 100)
        add('--output', default='reports/evaluate', help='folder for JSON, picture, page, bags and logs')
        add('--json', metavar='FILE', help='write the JSON there, too')
        add('--no-reference', action='store_true', help="the two nodes alone, without rl_games' own loop")
        add('--require-same', action='store_true', help='exit code 1 where the verdict is `different`')
        add(
            '--sweep',
            action='append',
            default=[],
            metavar='NAME=LOW:HIGH',
            help='play more and more of an imperfection instead, such as sim.latency=0:0.2, in simulated time; :11 '
            'behind it asks for so many values, :0.02 for this step; repeatable, a curve each',
        )
        add('--no-report', action='store_true', help='JSON and picture only, no page')
        add(
            '--bags',
            action=argparse.BooleanOptionalAction,
            help='leave the bags of both nodes, for rl_policy replay; default: up to 64 robots. --no-bags is faster',
        )
        add('--jobs', type=positive, default=1, help='processes that play a sweep; each has its own simulator')
        add('--write-budget', action='store_true', help='write the budget of sim.latency into the parameter file')

    def run(self, options: argparse.Namespace) -> int:
        if options.sweep or options.write_budget:
            return self._sweep(options)
        from rl_policy_node.tools.evaluate.evaluate import evaluate

        agree = evaluate(
            options.params_file,
            options.episodes,
            options.robots,
            options.seed,
            options.settings,
            options.output,
            options.json,
            reference=not options.no_reference,
            report=not options.no_report,
            bags=options.bags,
        )
        return 0 if agree or not options.require_same else 1

    def _sweep(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.evaluate.sweep_command import sweep

        sweep(
            options.params_file,
            options.sweep,
            options.episodes,
            options.robots,
            options.seed,
            options.settings,
            options.output,
            options.json,
            into_file=options.write_budget,
            jobs=options.jobs,
        )
        return 0


class Play(Command):
    """Episodes in rl_games' own play loop alone, without ROS in between."""

    name = 'play'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add_played(parser, 200)
        add('--blind', action='store_true', help='the insertion policy that was trained without touch')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.evaluate.evaluate import play_alone

        blind = [f'policy.train_config={MODELS}blind_train.yaml', f'policy.checkpoint={MODELS}blind_policy.pth']
        play_alone(
            options.params_file,
            options.episodes,
            options.robots,
            options.seed,
            options.settings + (blind if options.blind else []),
        )
        return 0


class Train(Command):
    """Train the insertion policy again."""

    name = 'train'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('--output', default='runs/insertion', help='folder for the run')
        add('--blind', action='store_true', help='without the tactile observations')
        add('--epochs', type=positive, default=None, help='fewer than the train YAML states, to try it out')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.train.train import train

        rate = train(Path(resolve(MODELS + 'train.yaml')), options.output, options.blind, options.epochs)
        print(f'success of the kept weights over 512 fresh episodes: {rate:.1%}; written to {options.output}')
        return 0


class Inspect(Command):
    """Show what a training run is, and what its files do not tell."""

    name = 'inspect'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('run', help='run directory, train YAML, config.yaml, agent.yaml, or a checkpoint of a run')
        add('checkpoint', nargs='?', help="a .pth file, best or newest; default: the run's best, if any")
        add('--json', action='store_true', help='the same as one JSON object')
        add_override(parser)
        add_plugin(parser, 'registers networks, models or players')
        add(
            '--allow-untrusted-pickle',
            default='',
            metavar='NAME',
            help='name of a checkpoint file that may run code; only for files of your own',
        )

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.inspect.inspect import inspect

        playable = inspect(
            options.run,
            options.checkpoint,
            options.override,
            options.plugin,
            options.allow_untrusted_pickle,
            as_json=options.json,
        )
        return 0 if playable else 1


class Check(Command):
    """Load all that a parameter file names and step its policy once."""

    name = 'check'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('file', help='parameter file of the node')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.check import check

        check(resolve(options.file))
        return 0


class Bench(Command):
    """Measure steps, latency and start beside what users have now and beside the floor of this machine."""

    name = 'bench'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('--only', default='', metavar='SECTION,…', help='sections instead of all')
        add('--output', metavar='FOLDER', help='for JSON, tables and plots (default: reports/bench)')
        add('--device', default='cpu', help='cpu, or cuda for what needs no ROS')
        add('--runs', type=positive, default=5, help='of which medians are taken')
        add('--quick', action='store_true', help='try it out: too short for its figures to mean much')
        add('--no-plots', action='store_true', help='JSON and tables only, for where matplotlib is missing')
        add('--render', metavar='FILE', help='make tables and plots of a results.json again; no measuring')

    def run(self, options: argparse.Namespace) -> int:
        from rl_policy_node.tools.bench.run import bench, render

        if options.render:
            print('\n'.join(map(str, render(options.render, options.output, not options.no_plots))))
            return 0
        sections = list(filter(None, options.only.split(',')))
        bench(
            sections,
            options.output or 'reports/bench',
            options.device,
            options.runs,
            options.quick,
            not options.no_plots,
        )
        return 0


class Parameters(Command):
    """Print the reference of all parameters (Markdown)."""

    name = 'parameters'

    def run(self, _options: argparse.Namespace) -> int:
        from rl_policy_node.nodes.parameters.reference import markdown

        print(markdown(), end='')
        return 0


COMMANDS: Final = (
    *(Demo(), Evaluate(), Compare(), Play(), Train(), Inspect(), Init()),
    *(Check(), Verify(), Doctor(), Watch(), Replay(), Explain()),
    *(Bundle(), Bench(), Parameters()),
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog='rl_policy', description='Deploy rl_games policies through ROS 2.')
    commands = made.add_subparsers(dest='command', required=True)
    for command in COMMANDS:
        text = (command.__doc__ or '').rstrip('.')
        own = commands.add_parser(command.name, help=text[0].lower() + text[1:])
        command.add_arguments(own)
        own.set_defaults(run_command=command.run, failure=command.failure)
    return made
