"""`rl_policy`: the command line. Heavy imports wait until their command is called."""
import argparse
import os
from pathlib import Path
import sys

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.resources import resolve

MODELS = 'package://rl_policy_node/models/insertion/'


def main(args=None):
    """Run a command; errors a user can mend are one line, without a traceback."""
    options = _parser().parse_args(args)
    try:
        code = options.run_command(options)
        sys.stdout.flush()
        return code
    except (ConfigurationError, RuntimeError) as error:
        print(f'rl_policy {options.command}: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:
        # whoever read along (head, less) has gone; Python would complain once more as it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f'rl_policy {options.command}: {error.filename or "file"}: {error.strerror or error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser():
    parser = argparse.ArgumentParser(prog='rl_policy', description='Deploy rl_games policies through ROS 2.')
    commands = parser.add_subparsers(dest='command', required=True)
    _add_demo(commands)
    _add_play(commands)
    _add_train(commands)
    _add_inspect(commands)
    _add_init(commands)
    _add_check(commands)
    reference = commands.add_parser('parameters', help='print the reference of all parameters (Markdown)')
    reference.set_defaults(run_command=_parameters)
    return parser


def _positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'{text!r}; expected a whole number from 1')
    return int(text)


def _add_demo(commands):
    demo = commands.add_parser('demo', help='the shipped policy inserts pegs through two ROS 2 nodes')
    demo.add_argument('--episodes', type=_positive, default=20)
    demo.add_argument('--lockstep', action='store_true', help='as fast as it goes, one step per command')
    demo.add_argument('--robots', type=_positive, default=4, help='arms, one row of the batch each')
    demo.add_argument('--seed', type=int, default=7)
    demo.add_argument('--output', default='reports/demo', help='folder for the report, the record and the logs')
    demo.add_argument('--json', metavar='FILE', help='write the figures there, too')
    demo.add_argument('--no-report', action='store_true')
    demo.set_defaults(run_command=_demo)


def _add_play(commands):
    play = commands.add_parser('play', help="the same episodes in rl_games' own play loop, without ROS")
    play.add_argument('--episodes', type=_positive, default=200)
    play.add_argument('--robots', type=_positive, default=4)
    play.add_argument('--seed', type=int, default=7)
    play.add_argument('--blind', action='store_true', help='the policy that was trained without touch')
    play.set_defaults(run_command=_play)


def _add_train(commands):
    train = commands.add_parser('train', help='train the insertion policy again')
    train.add_argument('--output', default='runs/insertion')
    train.add_argument('--blind', action='store_true', help='without the tactile observations')
    train.add_argument('--epochs', type=_positive, default=None)
    train.set_defaults(run_command=_train)


def _add_inspect(commands):
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


def _add_init(commands):
    init = commands.add_parser('init', help='write a parameter file for the node from a training run')
    init.add_argument('run', help="run directory, train YAML, config.yaml or agent.yaml")
    init.add_argument('checkpoint', nargs='?', default='', help="a .pth file, best or newest; default: the run's best")
    init.add_argument('-o', '--output', required=True, metavar='FILE')
    init.add_argument('--override', action='append', default=[], metavar='NAME=VALUE',
                      help="change to the run's configuration in Hydra's form; repeatable")
    init.add_argument('--plugin', action='append', default=[], metavar='MODULE',
                      help='module or .py file that the policy needs; repeatable')
    init.add_argument('--force', action='store_true', help='write over an existing file')
    init.set_defaults(run_command=_init)


def _add_check(commands):
    check = commands.add_parser('check', help='load all that a parameter file names and step its policy once')
    check.add_argument('file', help='parameter file of the node')
    check.set_defaults(run_command=_check)


def _inspect(options):
    from rl_policy_node.tools.inspect import inspect
    playable = inspect(options.run, options.checkpoint, options.override, options.plugin,
                       options.allow_untrusted_pickle, as_json=options.json)
    return 0 if playable else 1


def _init(options):
    from rl_policy_node.tools.init import init
    blanks = init(resolve(options.run), options.output, resolve(options.checkpoint), options.override,
                  options.plugin, options.force)
    print(f'{options.output}: {len(blanks)} blanks to fill in' + ''.join(f'\n  {name}' for name in blanks))
    print(f'then: rl_policy check {options.output}')
    return 0


def _check(options):
    from rl_policy_node.tools.check import check
    check(resolve(options.file))
    return 0


def _demo(options):
    from rl_policy_node.tools.demo import demo
    demo(options.episodes, options.lockstep, options.robots, options.seed, options.output,
         json_file=options.json, report=not options.no_report)
    return 0


def _play(options):
    from rl_policy_node.policy import set_threads
    from rl_policy_node.sim.insertion.environment import InsertionEnv
    from rl_policy_node.tools.play import play, success_rate
    set_threads(1)
    prefix = resolve(MODELS) + ('/blind_' if options.blind else '/')
    env = InsertionEnv(options.robots, seed=options.seed, tactile_observations=not options.blind)
    record = play(f'{prefix}train.yaml', f'{prefix}policy.pth', env, options.episodes)
    print(f'success {success_rate(record, options.episodes):.1%} in {options.episodes} episodes')
    return 0


def _parameters(_options):
    from rl_policy_node.nodes.reference import markdown
    print(markdown(), end='')
    return 0


def _train(options):
    from rl_policy_node.tools.train import train
    rate = train(Path(resolve(MODELS + 'train.yaml')), options.output, options.blind, options.epochs)
    print(f'success of the kept weights over 512 fresh episodes: {rate:.1%}; written to {options.output}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
