"""`rl_policy init`: a parameter file for the node, written from a run."""
from pathlib import Path
import textwrap

import yaml

from rl_policy_node.control.specs import ACTION_KINDS
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.schema import BLANK
from rl_policy_node.policy.agreement import agree
from rl_policy_node.policy.checkpoint import load_checkpoint
from rl_policy_node.policy.facts import layout_of, published_shapes, read_facts
from rl_policy_node.policy.train_config import locate_checkpoint, TrainConfig
from rl_policy_node.policy.weights import read_spaces
from rl_policy_node.tools.draft import draft
from rl_policy_node.tools.draft_simulator import draft_simulator, simulator_lines, space_lines

_WIDTH = 118


def init(run, output, checkpoint='', overrides=(), plugins=(), force=False, simulator=None):
    """Write a parameter file for a run and return what is left to fill in: the names of the blanks.

    run: a run directory or a configuration file. plugins: what the policy needs to load. simulator: the
    Simulator that is to stand in for the robot, None for a robot. Raises ConfigurationError, also where
    `output` exists and `force` is not given.
    """
    if Path(output).exists() and not force:
        raise ConfigurationError(f'{output} exists; --force writes over it')
    config = TrainConfig.read(run, overrides)
    weights, why = _weights(config, checkpoint)
    facts = read_facts(config)
    layout = layout_of(config)
    stated, rate = simulator.told() if simulator else ({}, None)
    spaces = agree(stated, facts, weights and read_spaces(weights.model), published_shapes(layout))
    made = draft_simulator(spaces) if simulator else draft(layout, spaces, facts.value('control_rate'))
    if spaces.discrete and not simulator:
        made.notes.append(f'the policy chooses among {spaces.action}; the action terms take continuous actions')
    use = "compare it with rl_games' own loop: rl_policy evaluate" if simulator else \
        'try it without a robot: rl_policy check'
    lines = [*_header(config, weights, why, made.notes, use), '/**:', '  ros__parameters:',
             *_policy(config, weights, facts, overrides, plugins), '', *space_lines(stated, flow),
             *_control(facts, rate, simulator), '', *_parts(made, simulator), '']
    text = '\n'.join(lines)
    Path(output).write_text(text, encoding='utf-8')
    return blanks(yaml.safe_load(text)['/**']['ros__parameters'])


def _weights(config, wanted):
    """Return the Checkpoint, or None where the run has none and none was named, and why this one."""
    try:
        path, why = locate_checkpoint(config, wanted)
    except ConfigurationError as error:
        if wanted:
            raise
        return None, str(error)
    return load_checkpoint(path), why


def blanks(tree, prefix=''):
    """Return the names of the parameters that are still to be filled in."""
    found = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found += blanks(value, f'{prefix}{name}.')
        elif value == BLANK or isinstance(value, list) and BLANK in value:
            found.append(prefix + name)
    return found


def _header(config, weights, why, notes, use):
    lines = [f'# Parameters of the policy node for {config.name}, written by `rl_policy init`.',
             f'# Fill in every {BLANK}, if any, then {use} <this file>.']
    if weights is None:
        lines += _wrapped(f'No checkpoint: {why}.', '# ')
    if notes:
        lines += ['#', '# What the environment did, and the robot has to do as well or must not repeat:']
    return lines + [line for note in notes for line in _wrapped(note, '# - ', '#   ')]


def _policy(config, weights, facts, overrides, plugins):
    lines = ['    policy:', f'      train_config: {flow(str(config.path.resolve()))}']
    lines.append(f'      checkpoint: {flow(str(weights.path.resolve()) if weights else BLANK)}')
    if weights:
        lines.append(f"      checkpoint_sha256: '{weights.sha256}'")     # quoted: digits and an e are a number
    for name, values in (('overrides', overrides), ('plugins', plugins)):
        if values:
            lines.append(f'      {name}: {flow(list(values))}')
    lines += ['      device: auto                  # cpu, cuda:0; auto takes CUDA where there is some',
              '      deterministic: true           # act on the mean, not on a sample']
    for name in ('clip_observations', 'clip_actions'):
        fact = facts.known().get(name)
        if fact is not None:
            lines.append(f'      {name}: {flow(fact.value)}  # {fact.source}')
    return lines


def _control(facts, rate, simulator):
    fact = facts.control_rate
    told = f'{flow(round(rate, 6))}    # Hz, of the environment' if rate else f"'{BLANK}'    # Hz, as trained"
    if fact:
        told = f'{flow(round(fact.value, 6))}    # Hz, {fact.source}'
    if simulator:
        return [f'    control_rate: {told}',
                '    trigger: lockstep               # the simulator waits for every answer',
                '    enable: none                    # nobody has to keep saying that a simulator may move',
                *simulator_lines(simulator, flow)]
    return [f'    control_rate: {told}',
            '    trigger: timer                  # observation: act when every source has a new message',
            "    robots: ['']                    # namespaces; one row of the batch and one recurrent state each",
            '    # Somebody holds a button (std_msgs/Bool, or of a Joy): without it for enable.timeout the robot stops',
            f"    enable: {{topic: '{BLANK}'}}         # or `enable: none`: it moves without"]


def _parts(made, simulator):
    where = 'one message carries all rows' if simulator else "topics are relative to each robot's namespace"
    lines = [f'    sources:                        # {where}']
    lines += _entries(made.sources)
    lines += ['', '    inputs:                         # terms in the order of training']
    for name, entry in made.inputs.items():
        lines += _wrapped(f'{flow(name)}: {flow(entry.values["terms"])}', '      ', '        ')
    lines += ['', '    terms:                          # value − offset, clipped to ± clip, × scale']
    if not simulator:
        lines.append("      # Joints have the names of the simulation, in its order: write the robot's where they "
                     'differ.')
    lines += _entries(made.terms)
    lines += ['', '    actions:', f'      terms: {flow(list(made.actions))}']
    for name, entry in made.actions.items():
        lines += [*_wrapped(entry.comment, '      # ', '      # '), f'      {flow(name)}:']
        if entry.values['kind'] == BLANK:
            lines += _wrapped(f'none of the kinds is this law: {", ".join(ACTION_KINDS)}', '        # ')
        lines += [line for key, value in entry.values.items()
                  for line in _wrapped(f'{key}: {flow(value)}', '        ', '          ')]
        lines += _limits(entry.values) if not simulator else []
    return lines


_POSITION_LIMITS = {'lower': '# lower: [-1.0]             # rad, one for all or one each; no target goes below; '
                             'upper alike',
                    'max_velocity': '# max_velocity: [1.0]       # rad/s'}
_LIMITS = {
    'pose_delta': {'frame_id': '# frame_id: base             # frame of the commands: that of the poses observed',
                   'lower': '# lower: [x, y, z]           # m, box that no target leaves; upper alike',
                   'max_velocity': '# max_velocity: [0.25]      # m/s; max_angular_velocity: rad/s'},
    'joint_velocity': {'max_velocity': '# max_velocity: [1.0]       # rad/s, one for all or one each; and '
                                       'max_acceleration'},
    'effort': {'max_effort': '# max_effort: [10.0]        # N m, one for all or one each'},
    'wrench': {'frame_id': '# frame_id: base             # frame of the forces', 'max_force':
               '# max_force: 20.0           # N; max_torque: N m'},
    'gripper': {'max_velocity': '# max_velocity: [0.1]       # m/s or rad/s'},
    'raw': {'lower': '# lower: [0.0]              # no number goes below; upper alike'},
}


def _limits(values):
    """What a run never holds, and a robot should not be without."""
    hints = _LIMITS.get(values['kind'], _POSITION_LIMITS)
    return [f'        {hint}' for name, hint in hints.items() if name not in values]


def _entries(entries):
    lines = []
    for name, entry in entries.items():
        lines += _wrapped(entry.comment, '      # ', '      # ') if entry.comment else []
        lines += _wrapped(f'{flow(name)}: {flow(entry.values)}', '      ', '        ')
    return lines


def flow(value):
    """Return a value as one line of YAML, whole numbers apart from others as ROS wants them."""
    if value == BLANK:
        return f"'{BLANK}'"
    text = yaml.safe_dump(value, default_flow_style=True, width=10 ** 6, sort_keys=False, allow_unicode=True)
    return text.removesuffix('\n').removesuffix('\n...').strip()


def _wrapped(text, first, rest=None):
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=first if rest is None else rest,
                         break_long_words=False, break_on_hyphens=False)
