# SPDX-License-Identifier: Apache-2.0
"""`rl_policy`: the command line. Heavy imports wait until their command is called."""
import argparse
from collections.abc import Sequence
import os
from pathlib import Path
import sys
from typing import TypeAlias

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.resources import resolve

MODELS = 'package://rl_policy_node/models/insertion/'
INSERTION = 'package://rl_policy_node/config/insertion.yaml'
_Commands: TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


def main(args: Sequence[str] | None = None) -> int:
    """Run a command; an error that the user can fix is one line without a traceback."""
    options = _parser().parse_args(args)
    try:
        code: int = options.run_command(options)
        sys.stdout.flush()
        return code
    except (ConfigurationError, RuntimeError) as error:
        print(f'rl_policy {options.command}: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:
        # the reader (head, less) has closed the pipe; without this, Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f'rl_policy {options.command}: {error.filename or "file"}: {error.strerror or error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='rl_policy', description='Deploy rl_games policies through ROS 2.')
    commands = parser.add_subparsers(dest='command', required=True)
    _add_demo(commands)
    _add_evaluate(commands)
    _add_play(commands)
    _add_train(commands)
    _add_inspect(commands)
    _add_init(commands)
    check = commands.add_parser('check', help='load all that a parameter file names and step its policy once')
    check.add_argument('file', help='parameter file of the node')
    check.set_defaults(run_command=_check)
    _add_bench(commands)
    reference = commands.add_parser('parameters', help='print the reference of all parameters (Markdown)')
    reference.set_defaults(run_command=_parameters)
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'{text!r}; expected a whole number from 1')
    return int(text)


def _add_demo(commands: _Commands) -> None:
    demo = commands.add_parser('demo', help='the shipped policy inserts pegs through two ROS 2 nodes')
    demo.add_argument('--episodes', type=_positive, default=20)
    demo.add_argument('--lockstep', action='store_true', help='as fast as it goes, one step per command')
    demo.add_argument('--robots', type=_positive, default=4, help='arms, one row of the batch each')
    demo.add_argument('--seed', type=int, default=7)
    demo.add_argument('--output', default='reports/demo', help='folder for the report, the record and the logs')
    demo.add_argument('--json', metavar='FILE', help='write the figures there, too')
    demo.add_argument('--no-report', action='store_true')
    demo.set_defaults(run_command=_demo)


def _add_evaluate(commands: _Commands) -> None:
    evaluate = commands.add_parser('evaluate', help='the same episodes through the two nodes and in the loop of '
                                   'rl_games, side by side')
    _add_played(evaluate, 100)
    evaluate.add_argument('--output', default='reports/evaluate', help='folder for the JSON, the picture and the logs')
    evaluate.add_argument('--json', metavar='FILE', help='write the JSON there, too')
    evaluate.add_argument('--no-reference', action='store_true', help="the two nodes alone, without rl_games' own loop")
    evaluate.add_argument('--require-same', action='store_true', help='exit code 1 where the verdict is `different`')
    evaluate.set_defaults(run_command=_evaluate)


def _add_play(commands: _Commands) -> None:
    play = commands.add_parser('play', help="episodes in rl_games' own play loop alone, without ROS in between")
    _add_played(play, 200)
    play.add_argument('--blind', action='store_true', help='the insertion policy that was trained without touch')
    play.set_defaults(run_command=_play)


def _add_played(command: argparse.ArgumentParser, episodes: int) -> None:
    command.add_argument('params_file', metavar='PARAMS_FILE', nargs='?', default=INSERTION,
                         help='parameter file of both nodes; default: the insertion that ships')
    command.add_argument('--episodes', type=_positive, default=episodes)
    command.add_argument('--robots', type=_positive, help='rows of the batch; default: as the file says')
    command.add_argument('--seed', type=int, help='of the environment; default: as the file says')
    command.add_argument('--set', action='append', default=[], metavar='NAME=VALUE', dest='settings',
                         help='any parameter of the nodes, such as sim.latency=0.05; repeatable')


def _add_train(commands: _Commands) -> None:
    train = commands.add_parser('train', help='train the insertion policy again')
    train.add_argument('--output', default='runs/insertion')
    train.add_argument('--blind', action='store_true', help='without the tactile observations')
    train.add_argument('--epochs', type=_positive, default=None)
    train.set_defaults(run_command=_train)


def _add_inspect(commands: _Commands) -> None:
    inspect = commands.add_parser('inspect', help='show what a training run is, and what its files do not tell')
    inspect.add_argument('run', help='run directory, train YAML, config.yaml or agent.yaml')
    inspect.add_argument('checkpoint', nargs='?', help="a .pth file, best or newest; default: the run's best, if any")
    inspect.add_argument('--json', action='store_true', help='the same as one JSON object')
    inspect.add_argument('--override', action='append', default=[], metavar='NAME=VALUE',
                         help="change to the run's configuration in Hydra's form; repeatable")
    inspect.add_argument('--plugin', action='append', default=[], metavar='MODULE',
                         help='module or .py file that registers networks, models or players; repeatable')
    inspect.add_argument('--allow-untrusted-pickle', default='', metavar='NAME',
                         help='name of a checkpoint file that may run code; only for files of your own')
    inspect.set_defaults(run_command=_inspect)


def _add_init(commands: _Commands) -> None:
    init = commands.add_parser('init', help='write a parameter file for the node from a training run')
    init.add_argument('run', help='run directory, train YAML, config.yaml or agent.yaml')
    init.add_argument('checkpoint', nargs='?', default='', help="a .pth file, best or newest; default: the run's best")
    init.add_argument('-o', '--output', required=True, metavar='FILE')
    init.add_argument('--override', action='append', default=[], metavar='NAME=VALUE',
                      help="change to the run's configuration in Hydra's form; repeatable")
    init.add_argument('--plugin', action='append', default=[], metavar='MODULE',
                      help='module or .py file that the policy needs; repeatable')
    init.add_argument('--force', action='store_true', help='write over an existing file')
    init.add_argument('--simulator', metavar='NAME', help='for a simulator instead of a robot, with nothing left to '
                      'fill in: isaacgym, gymnasium, insertion, or package.module:factory')
    init.add_argument('--id', default='', help="the environment's id, for --simulator gymnasium")
    init.add_argument('--rows', type=_positive, default=64, help='environments, for --simulator (default: 64)')
    init.add_argument('--python', default='', help='interpreter that hosts the environment, for --simulator')
    init.set_defaults(run_command=_init)


def _add_bench(commands: _Commands) -> None:
    bench = commands.add_parser('bench', help='measure steps, latency and start beside what users have now and beside '
                                'the floor of this machine')
    bench.add_argument('--only', default='', metavar='SECTION,…', help='sections instead of all')
    bench.add_argument('--output', metavar='FOLDER', help='for JSON, tables and plots (default: reports/bench)')
    bench.add_argument('--device', default='cpu', help='cpu, or cuda for what needs no ROS')
    bench.add_argument('--runs', type=_positive, default=5, help='of which medians are taken')
    bench.add_argument('--quick', action='store_true', help='try it out: too short for its figures to mean much')
    bench.add_argument('--no-plots', action='store_true', help='JSON and tables only, for where matplotlib is missing')
    bench.add_argument('--render', metavar='FILE', help='make tables and plots of a results.json again; no measuring')
    bench.set_defaults(run_command=_bench)


def _inspect(options: argparse.Namespace) -> int:
    from rl_policy_node.tools.inspect.inspect import inspect
    playable = inspect(options.run, options.checkpoint, options.override, options.plugin,
                       options.allow_untrusted_pickle, as_json=options.json)
    return 0 if playable else 1


def _init(options: argparse.Namespace) -> int:
    from rl_policy_node.tools.init.draft_simulator import Simulator
    from rl_policy_node.tools.init.init import init
    simulator = None
    if options.simulator:
        simulator = Simulator(options.simulator, options.id, options.python, options.rows)
    blanks = init(resolve(options.run), options.output, resolve(options.checkpoint), options.override,
                  options.plugin, options.force, simulator)
    print(f'{options.output}: {len(blanks)} blanks to fill in' + ''.join(f'\n  {name}' for name in blanks))
    print(f'then: rl_policy {"evaluate" if simulator and not blanks else "check"} {options.output}')
    return 0


def _check(options: argparse.Namespace) -> int:
    from rl_policy_node.tools.check import check
    check(resolve(options.file))
    return 0


def _bench(options: argparse.Namespace) -> int:
    from rl_policy_node.tools.bench.run import bench, render
    if options.render:
        print('\n'.join(map(str, render(options.render, options.output, not options.no_plots))))
        return 0
    bench(list(filter(None, options.only.split(','))), options.output or 'reports/bench', options.device, options.runs,
          options.quick, not options.no_plots)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from rl_policy_node.tools.demo.demo import demo
    demo(INSERTION, options.episodes, options.lockstep, options.robots, options.seed, options.output,
         json_file=options.json, report=not options.no_report)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from rl_policy_node.tools.evaluate.evaluate import evaluate
    agree = evaluate(options.params_file, options.episodes, options.robots, options.seed, options.settings,
                     options.output, options.json, reference=not options.no_reference)
    return 0 if agree or not options.require_same else 1


def _play(options: argparse.Namespace) -> int:
    from rl_policy_node.tools.evaluate.evaluate import play_alone
    blind = [f'policy.train_config={MODELS}blind_train.yaml', f'policy.checkpoint={MODELS}blind_policy.pth']
    play_alone(options.params_file, options.episodes, options.robots, options.seed,
               options.settings + (blind if options.blind else []))
    return 0


def _parameters(_options: argparse.Namespace) -> int:
    from rl_policy_node.nodes.parameters.reference import markdown
    print(markdown(), end='')
    return 0


def _train(options: argparse.Namespace) -> int:
    from rl_policy_node.tools.train.train import train
    rate = train(Path(resolve(MODELS + 'train.yaml')), options.output, options.blind, options.epochs)
    print(f'success of the kept weights over 512 fresh episodes: {rate:.1%}; written to {options.output}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
