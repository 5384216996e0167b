# SPDX-License-Identifier: Apache-2.0
"""`rl_policy init`: a parameter file for the node, written from a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
import textwrap
from typing import Any

import yaml

from rl_policy_node.control.action_spec import ACTION_KINDS
from rl_policy_node.control.action_terms import KINDS
from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.nodes.parameters.schema import BLANK
from rl_policy_node.policy import Spaces
from rl_policy_node.policy.contract.facts import Fact, Facts
from rl_policy_node.policy.layouts import RobotJoints, Scene
from rl_policy_node.policy.layouts.io_descriptors import find_descriptors, read_descriptors
from rl_policy_node.policy.run.ignored_keys import warning
from rl_policy_node.policy.run.trained_run import TrainedRun
from rl_policy_node.tools.init.draft import Draft, draft
from rl_policy_node.tools.init.draft_joints import joint_lines, NAMES
from rl_policy_node.tools.init.draft_simulator import Asked, draft_simulator, Simulator, simulator_lines, space_lines
from rl_policy_node.tools.init.draft_sources import Entry

_WIDTH = 118


def init(
    run: str | Path,
    output: str | Path,
    checkpoint: str | Path = '',
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    force: bool = False,
    simulator: Simulator | None = None,
    joints: RobotJoints | None = None,
    asked: Asked | None = None,
) -> list[str]:
    """Write a parameter file for a run and return the names of the parameters that are left to fill in.

    run: a run directory or a configuration file. plugins: modules that the policy needs. simulator: takes the
    place of the robot, None for a robot. joints: of the robot, for runs that leave them open, None for not known.
    asked: what the run's simulator said, None for not asked; in its place counts IO_descriptors.yaml of the run.
    Raises ConfigurationError, also where `output` exists without `force`.
    """
    if Path(output).exists() and not force:
        raise ConfigurationError(f'{output} exists; --force writes over it')
    if simulator and joints:
        raise ConfigurationError(f"{joints.source}: a simulator's file has no joints")
    if asked and joints:
        raise ConfigurationError(f'{joints.source}: --ask takes the joints from the simulator; expected one of both')
    trained = TrainedRun.read(run, checkpoint, overrides, plugins)
    stated, rate = simulator.describe() if simulator else ({}, None)
    notes: list[str] = []
    scene = asked.scene if asked else None if joints or simulator else _described(trained, notes)
    joints = _limited(joints, trained, notes) if joints else None
    layout = trained.layout_with(joints, scene)
    spaces = trained.spaces(stated, layout, simulator.name if simulator else '')
    facts = trained.facts
    if scene and scene.rate:
        facts = replace(facts, control_rate=Fact(scene.rate, f'from {scene.source}'))
    known_rate = facts.control_rate.value if facts.control_rate else None
    made = draft_simulator(spaces) if simulator else draft(layout, spaces, known_rate, joints, scene)
    made.notes += notes
    if trained.ignored:
        made.notes.append(warning(trained.ignored, trained.config.params))
    if spaces.discrete and not simulator:
        made.notes.append(f'the policy chooses among {spaces.action}; the action terms take continuous actions')
    use = (
        "compare it with rl_games' own loop: rl_policy evaluate"
        if simulator
        else 'try it without a robot: rl_policy check'
    )
    lines = [
        *_header(trained, made.notes, use),
        '/**:',
        '  ros__parameters:',
        *_policy(trained, overrides, spaces),
        '',
        *space_lines(stated, flow),
        *_control(facts, rate, simulator),
        '',
        *(_asked(asked.sim, made.sensors) if asked else ()),
        *_parts(made, simulator),
        '',
    ]
    text = '\n'.join(lines)
    Path(output).write_text(text, encoding='utf-8')
    return blanks(yaml.safe_load(text)['/**']['ros__parameters'])


def _described(run: TrainedRun, notes: list[str]) -> Scene | None:
    """Return the Scene of the run's IO_descriptors.yaml, None for none; of one that does not fit, a note says why."""
    path = find_descriptors(run.config.run.folder) if run.config.run else None
    if path is None:
        return None
    try:
        scene = read_descriptors(path)
        run.layout_with(None, scene)
    except ConfigurationError as error:
        notes.append(f'{path.name} was left out: {error}')
        return None
    return scene


def _limited(joints: RobotJoints, run: TrainedRun, notes: list[str]) -> RobotJoints:
    """Return the joints that a user states, those without limits with the limits of the run's IO_descriptors.yaml.

    Raises ConfigurationError for joints that the file has in another order.
    """
    scene = _described(run, notes)
    robot = scene.articulations.get(scene.having(joints.names)) if scene else None
    if scene is None or robot is None:
        return joints
    if set(robot.names) == set(joints.names) and robot.names != joints.names:
        order = f'{scene.source}: {", ".join(robot.names)}'
        raise unfit(f'the order of the joints of {joints.source}', ', '.join(joints.names), order)
    found = {name: robot.limits[name] for name in joints.names}
    return replace(joints, limits={**found, **joints.limits})


def blanks(tree: Mapping[str, object], prefix: str = '') -> list[str]:
    """Return the names of the blank parameters."""
    found: list[str] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found += blanks(value, f'{prefix}{name}.')
        elif value == BLANK or isinstance(value, list) and BLANK in value:
            found.append(prefix + name)
    return found


def _header(run: TrainedRun, notes: Sequence[str], use: str) -> list[str]:
    lines = [
        f'# Parameters of the policy node for {run.config.name}, written by `rl_policy init`.',
        f'# Fill in every {BLANK}, if any, then {use} <this file>.',
    ]
    if run.checkpoint is None:
        lines += _wrapped(f'No checkpoint: {run.checkpoint_choice[1]}.', '# ')
    if notes:
        lines += ['#', '# The environment did the following. The robot must do the same, or must not do it again:']
    return lines + [line for note in notes for line in _wrapped(note, '# - ', '#   ')]


def _policy(run: TrainedRun, overrides: Sequence[str], spaces: Spaces) -> list[str]:
    lines, checkpoint = ['    policy:', f'      train_config: {flow(str(run.config.path.resolve()))}'], run.checkpoint
    lines.append(f'      checkpoint: {flow(str(checkpoint.path.resolve()) if checkpoint else BLANK)}')
    if checkpoint:
        lines.append(f"      checkpoint_sha256: '{checkpoint.sha256}'")  # quoted: digits and an e are a number
    for name, values in (('overrides', overrides), ('plugins', run.plugins)):
        if values:
            lines.append(f'      {name}: {flow(list(values))}')
    lines += [
        '      device: auto                  # cpu, cuda:0; auto takes CUDA where there is some',
        '      deterministic: true           # act on the mean, not on a sample',
    ]
    for name in ('clip_observations', 'clip_inputs', 'clip_actions'):
        fact = run.facts.known().get(name)
        if fact is not None and name == 'clip_inputs':
            lines += _clips(fact, spaces)
        elif fact is not None:
            lines.append(f'      {name}: {flow(fact.value)}  # {fact.source}')
    return lines


def _clips(fact: Fact, spaces: Spaces) -> list[str]:
    """Return the line of clip_inputs; blank for inputs that the run does not clip by name."""
    clips = {name: fact.value.get(name, BLANK) for name in spaces.inputs}
    named = f'{fact.source}: {", ".join(f"{key} {bound:g}" for key, bound in fact.value.items())}'
    values = ', '.join(f'{flow(name)}: {flow(bound)}' for name, bound in clips.items())
    return [f'      clip_inputs: {{{values}}}  # {named}']


def _control(facts: Facts, rate: float | None, simulator: Simulator | None) -> list[str]:
    fact = facts.control_rate
    text = f'{flow(round(rate, 6))}    # Hz, of the environment' if rate else f"'{BLANK}'    # Hz, as trained"
    if fact:
        text = f'{flow(round(fact.value, 6))}    # Hz, {fact.source}'
    if simulator:
        return [
            f'    control_rate: {text}',
            '    trigger: lockstep               # the simulator waits for every answer',
            '    enable: none                    # a simulator moves without a heartbeat from a person',
            *simulator_lines(simulator, flow),
        ]
    return [
        f'    control_rate: {text}',
        '    trigger: timer                  # observation: once every source has a new message',
        "    robots: ['']                    # namespaces; one row of the batch and one recurrent state each",
        '    # A person keeps enabling the robot (std_msgs/Bool, or a button of a Joy); else it stops',
        f"    enable: {{topic: '{BLANK}'}}         # or `enable: none`: it moves without",
    ]


def _asked(sim: Mapping[str, Any], sensors: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the lines of the simulator that was asked: it stands in for the robot, as a robot's drivers would."""
    lines = ["    sim:                            # the run's simulator; source → the part of it that it measures"]
    lines += [f'      {name}: {flow(value)}' for name, value in sim.items()]
    lines.append('      raw_state: true')
    if sensors:
        lines.append('      sensors:')
        lines += [f'        {flow(name)}: {flow(dict(part))}' for name, part in sensors.items()]
    return [*lines, '']


def _parts(made: Draft, simulator: Simulator | None) -> list[str]:
    where = 'one message carries all rows' if simulator else "topics are relative to each robot's namespace"
    lines = joint_lines(made.joint_groups, made.joint_values, flow)
    names_above = bool(lines) or simulator is not None
    lines.append(f'    sources:                        # {where}')
    lines += _entries(made.sources)
    lines += ['', '    inputs:                         # terms in the order of training']
    for name, entry in made.inputs.items():
        lines += _wrapped(f'{flow(name)}: {flow(entry.values["terms"])}', '      ', '        ')
    lines += ['', '    terms:                          # value − offset, clipped to ± clip, × scale']
    lines += [] if names_above else [f'      {NAMES}']
    lines += _entries(made.terms)
    lines += ['', '    actions:', f'      terms: {flow(list(made.actions))}']
    for name, entry in made.actions.items():
        lines += [*_wrapped(entry.comment, '      # ', '      # '), f'      {flow(name)}:']
        if entry.values['kind'] == BLANK:
            lines += _wrapped(f'none of the kinds is this law: {", ".join(ACTION_KINDS)}', '        # ')
        lines += [
            line
            for key, value in entry.values.items()
            for line in _wrapped(f'{key}: {flow(value)}', '        ', '          ')
        ]
        lines += _limits(entry.values) if not simulator else []
    return lines


# What no run stores. Kind → units of its limits, an optional parameter of the robot
_FRAME = '# frame_id: base             # frame of the commands: the one in which its source is measured'
_ACCELERATION = '# max_acceleration: [10.0]    # rad/s²'
_LIMITS = {
    'joint_position': ('rad, rad/s', _ACCELERATION),
    'joint_delta': ('rad, rad/s', _ACCELERATION),
    'joint_velocity': ('rad/s', _ACCELERATION),
    'effort': ('N m', '# max_effort_rate: [100.0]    # N m/s'),
    'pose_delta': ('m, a box that no target leaves; m/s; rad/s', _FRAME),
    'wrench': ('N, N m', _FRAME),
    'gripper': ('m/s or rad/s', ''),
    'raw': ('', '# lower: [0.0]              # no number goes below; upper alike'),
}


def _limits(values: Mapping[str, Any]) -> list[str]:
    """Return comments on the limits, which no run stores and every robot needs."""
    unit, more = _LIMITS.get(values['kind'], ('', ''))
    needed = KINDS[values['kind']].needed_limits if values['kind'] in KINDS else ()
    blank = [name for name, value in values.items() if name in needed and BLANK in value]
    lines = (
        [
            f'# {", ".join(blank)}: of your robot ({unit}), one for all or one each. Where nothing can be harmed, as '
            'in a simulator: limits: none in their place'
        ]
        if blank
        else []
    )
    return [line for text in lines for line in _wrapped(text, '        ', '        # ')] + (
        [f'        {more}'] if more and more[2:].split(':')[0] not in values else []
    )


def _entries(entries: Mapping[str, Entry]) -> list[str]:
    lines: list[str] = []
    for name, entry in entries.items():
        lines += _wrapped(entry.comment, '      # ', '      # ') if entry.comment else []
        lines += _wrapped(f'{flow(name)}: {flow(entry.values)}', '      ', '        ')
    return lines


def flow(value: object) -> str:
    """Return a value as one line of YAML; 1 and 1.0 stay apart, since ROS distinguishes integers and doubles."""
    if value == BLANK:
        return f"'{BLANK}'"
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True)
    return text.removesuffix('\n').removesuffix('\n...').strip()


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
