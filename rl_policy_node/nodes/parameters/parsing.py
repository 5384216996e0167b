# SPDX-License-Identifier: Apache-2.0
"""From ROS parameters to typed configuration; refuses names and values that do not fit."""
from collections.abc import Mapping
from dataclasses import dataclass, fields
import math
from typing import Any, Final, TypeAlias

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from rl_policy_node.control.action_spec import ActionSpec
from rl_policy_node.control.specs import ControlSpec, OodSpec, SourceSpec
from rl_policy_node.control.terms.term_spec import term_spec
from rl_policy_node.control.unlimited import check_limits
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters import schema
from rl_policy_node.nodes.parameters.conversion import converted, Value
from rl_policy_node.nodes.policy.enable import EnableSpec
from rl_policy_node.nodes.policy.robot_state import RobotStateSpec
from rl_policy_node.nodes.topics.links import LinkSpec
from rl_policy_node.resources import resolve
from rl_policy_node.sim.environment_specs import EnvironmentSpec, IsaacGymSpec, PythonSpec
from rl_policy_node.sim.imperfections import ImperfectionSpec

# group → name → … → value: the parameters of a file, each checked against its declaration
_Tree: TypeAlias = dict[str, Any]
# groups that are also a parameter, which has the name '' among them
_GROUPS: Final = ('enable',)
# rclpy's and rcl's own
_BUILT_IN: Final = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


@dataclass(frozen=True)
class PolicySpec:
    """Which policy to load, and how to run it."""

    train_config: str
    checkpoint: str
    checkpoint_sha256: str
    overrides: tuple[str, ...]
    device: str
    backend: str
    tolerance: float
    onnx_providers: tuple[str, ...]
    deterministic: bool
    sigma: float | None
    threads: int
    plugins: tuple[str, ...]
    allow_untrusted_pickle: str
    spaces: Mapping[str, object]


@dataclass(frozen=True)
class SchedulingSpec:
    """Scheduling of the control thread. priority: of SCHED_FIFO, 0: none. cpus: that it keeps to, (): any."""

    priority: int = 0
    cpus: tuple[int, ...] = ()


@dataclass(frozen=True)
class PlaySpec:
    """How the bridge plays an environment, and the files that it writes.

    mode: real_time or lockstep. episodes, steps: the most that it plays; 0: no bound. record: .npz file of every step;
    summary: .json file of the figures.
    """

    mode: str = 'real_time'
    episodes: int = 0
    steps: int = 0
    record: str = ''
    summary: str = ''

    @property
    def lockstep(self) -> bool:
        """Whether every step waits for its commands."""
        return self.mode == 'lockstep'


@dataclass(frozen=True)
class SimSpec:
    """The environment that the bridge hosts, how it plays it, and the imperfections that it injects."""

    environment: EnvironmentSpec
    play: PlaySpec
    imperfections: ImperfectionSpec


@dataclass(frozen=True)
class Configuration:
    """A whole parameter file."""

    policy: PolicySpec
    control: ControlSpec
    scheduling: SchedulingSpec
    sim: SimSpec
    enable: EnableSpec
    robot_state: RobotStateSpec
    links: LinkSpec


def declare(node: Node) -> None:
    """Describe the given parameters and declare the others with their defaults; never raises for a value."""
    for name in node.get_parameters_by_prefix(''):
        declaration = schema.find(name)
        if declaration:
            node.set_descriptor(name, _descriptor(declaration))
    for declaration in schema.PARAMETERS:
        optional = declaration.default is not schema.REQUIRED and declaration.default != []
        if '*' not in declaration.name and optional and not node.has_parameter(declaration.name):
            node.declare_parameter(declaration.name, declaration.default, _descriptor(declaration))


def _descriptor(declaration: schema.Parameter) -> ParameterDescriptor:
    unit = f' [{declaration.unit}]' if declaration.unit else ''
    choices = f' One of: {", ".join(declaration.choices)}.' if declaration.choices else ''
    return ParameterDescriptor(name=declaration.name, description=f'{declaration.description}{unit}.{choices}',
                               dynamic_typing=True)


def read(node: Node) -> Configuration:
    """Return the Configuration of a node's parameters; raises ConfigurationError."""
    return configuration({name: parameter.value for name, parameter in node.get_parameters_by_prefix('').items()})


def configuration(values: Mapping[str, Value]) -> Configuration:
    """Return the Configuration of name → value, each checked against its declaration."""
    tree = _tree(values)
    control = _control(tree)
    return Configuration(policy=_policy(tree), control=control,
                         scheduling=SchedulingSpec(**_filled(tree, 'scheduling')), sim=_sim(tree, control.rows),
                         robot_state=RobotStateSpec(**_filled(tree, 'robot_state')),
                         enable=EnableSpec(**_filled(tree, 'enable'), none=tree.get('enable', {}).get('') == 'none'),
                         links=LinkSpec(**{field.name: _top(tree, field.name) for field in fields(LinkSpec)}))


def _tree(values: Mapping[str, Value]) -> _Tree:
    """Return the parameters by group; raises ConfigurationError for blanks and for what does not fit."""
    blank = [name for name, value in values.items()
             if value == schema.BLANK or isinstance(value, (list, tuple)) and schema.BLANK in value]
    if blank:
        raise ConfigurationError(f'{len(blank)} blanks ({schema.BLANK}) are to be filled in: {", ".join(blank)}')
    tree: _Tree = {}
    for name, value in values.items():
        if name.startswith(_BUILT_IN):
            continue
        fitted, branch = converted(name, value), tree
        *parents, leaf = name.split('.')
        for parent in parents:
            branch = branch.setdefault(parent, {})
        if name in _GROUPS:
            branch.setdefault(leaf, {})[''] = fitted
        else:
            branch[leaf] = fitted
    return tree


def _missing(declaration: schema.Parameter, name: str = '') -> ConfigurationError:
    full = declaration.name.replace('*', name)
    return ConfigurationError(f"parameter '{full}' is missing: {declaration.description}")


def _filled(tree: _Tree, prefix: str, name: str = '') -> dict[str, Any]:
    """Return leaf → value of everything declared under a prefix, defaults filled in."""
    given = tree.get(prefix, {})
    given = given.get(name, {}) if name else given
    result: dict[str, Any] = {}
    for declaration in schema.PARAMETERS:
        parts = declaration.name.split('.')
        if parts[0] != prefix or len(parts) != (3 if name else 2) or (name and parts[1] != '*') or parts[-1] == '*':
            continue
        value = given.get(parts[-1], declaration.default)
        if value is schema.REQUIRED:
            raise _missing(declaration, name)
        result[parts[-1]] = tuple(value) if isinstance(value, list) else value
    return result


def _policy(tree: _Tree) -> PolicySpec:
    values = _filled(tree, 'policy')
    values.pop('clip_observations'), values.pop('clip_actions')
    values['train_config'], values['checkpoint'] = resolve(values['train_config']), resolve(values['checkpoint'])
    values['sigma'] = None if math.isnan(values['sigma']) else values['sigma']
    return PolicySpec(**values, spaces=_spaces(tree))


def _spaces(tree: _Tree) -> dict[str, object]:
    """Return the fields of Spaces in the file."""
    given = tree.get('spaces', {})
    shapes = given.get('observation', {})
    discrete = given.get('discrete', ())
    return {name: value for name, value in {
        'observation': shapes['obs'] if set(shapes) == {'obs'} else shapes,
        'action': _action(given.get('actions', 0), discrete),
        'action_low': given.get('action_low'), 'action_high': given.get('action_high'),
        'dtype': dict.fromkeys(given.get('uint8', ()), 'uint8')}.items() if value}


def _action(continuous: int, discrete: tuple[int, ...]) -> int | dict[str, int | list[int]]:
    if continuous and discrete:
        raise ConfigurationError('spaces: actions and discrete are both stated; a policy has one of them')
    if len(discrete) == 1:
        return {'discrete': discrete[0]}
    return {'multi_discrete': list(discrete)} if discrete else continuous


def _sim(tree: _Tree, rows: int) -> SimSpec:
    values = _filled(tree, 'sim')
    python = PythonSpec(values['python'], values['python_path'], values['python_variables'], values['start_timeout'],
                        values['step_timeout'])
    isaacgym = IsaacGymSpec(values['device'], values['graphics_device'], values['headless'], values['config'])
    environment = EnvironmentSpec(
        name=values['environment'], rows=rows, seed=values['seed'], id=values['id'], options=values['options'],
        episode_length=values['episode_length'], stagger=values['stagger'], python=python, isaacgym=isaacgym)
    play = PlaySpec(**{field.name: values[field.name] for field in fields(PlaySpec)})
    imperfections = {field.name: values[field.name] for field in fields(ImperfectionSpec) if field.name in values}
    return SimSpec(environment, play, ImperfectionSpec(**imperfections, noise=tree.get('sim', {}).get('noise', {})))


def _top(tree: _Tree, name: str) -> Any:
    declaration = next(each for each in schema.PARAMETERS if each.name == name)
    value = tree.get(name, declaration.default)
    if value is schema.REQUIRED:
        raise _missing(declaration)
    return tuple(value) if isinstance(value, list) else value


def _control(tree: _Tree) -> ControlSpec:
    actions = _filled(tree, 'actions')['terms']
    unused = sorted(set(tree.get('actions', {})) - set(actions) - {'terms'})
    if unused:
        raise ConfigurationError(f'actions.terms does not name {unused}, which the file describes; '
                                 f'it names {list(actions)}')
    specs = tuple(ActionSpec(name=name, **_filled(tree, 'actions', name)) for name in actions)
    for spec in specs:
        check_limits(spec)
    return ControlSpec(
        **{**{field.name: _top(tree, field.name) for field in fields(ControlSpec) if schema.find(field.name)},
           'control_rate': _top(tree, 'control_rate') or None},
        shared_rows=_top(tree, 'rows'),
        clip_observations=tree.get('policy', {}).get('clip_observations') or None,
        clip_inputs=dict(tree.get('policy', {}).get('clip_inputs', {})),
        clip_actions=tree.get('policy', {}).get('clip_actions') or None,
        inputs={name: tuple(terms) for name, terms in tree.get('inputs', {}).items()},
        sources={name: SourceSpec(name=name, **_filled(tree, 'sources', name)) for name in tree.get('sources', {})},
        terms={name: term_spec(name, **given) for name, given in tree.get('terms', {}).items()},
        actions=specs, ood=OodSpec(**_filled(tree, 'ood')))
