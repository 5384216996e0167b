"""From ROS parameters to typed configuration; a name or value that does not fit is refused by name."""
import array
from dataclasses import dataclass
import difflib
import math

from rcl_interfaces.msg import ParameterDescriptor

from rl_policy_node.control.specs import ActionSpec, ControlSpec, SourceSpec, TermSpec
from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.nodes import schema
from rl_policy_node.nodes.gap import GapSpec
from rl_policy_node.resources import resolve

# rclpy's and rcl's own
_BUILT_IN = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


@dataclass(frozen=True)
class PolicySpec:
    """What to load and how to run it."""

    train_config: str
    checkpoint: str
    checkpoint_sha256: str
    overrides: tuple
    device: str
    backend: str
    tolerance: float
    onnx_providers: tuple
    deterministic: bool
    sigma: float | None
    threads: int
    plugins: tuple
    allow_untrusted_pickle: str
    spaces: dict


@dataclass(frozen=True)
class SchedulingSpec:
    """What the control thread asks of the kernel. priority: of SCHED_FIFO, 0: none. cpus: it keeps to, (): any."""

    priority: int = 0
    cpus: tuple = ()


@dataclass(frozen=True)
class SimSpec:
    """What the bridge hosts, in which Python, how it differs from a robot, and when it ends."""

    environment: str
    id: str
    options: tuple
    config: str
    device: str
    graphics_device: int
    headless: bool
    python: str
    python_path: tuple
    python_variables: tuple
    start_timeout: float
    step_timeout: float
    mode: str
    seed: int
    episodes: int
    steps: int
    episode_length: int
    stagger: bool
    record: str
    summary: str
    gap: GapSpec


@dataclass(frozen=True)
class Configuration:
    """A whole parameter file."""

    policy: PolicySpec
    control: ControlSpec
    scheduling: SchedulingSpec
    sim: SimSpec


def declare(node):
    """Describe the parameters that came in and declare the rest with their defaults; never raises for a value."""
    for name in node.get_parameters_by_prefix(''):
        declaration = schema.find(name)
        if declaration:
            node.set_descriptor(name, _descriptor(declaration))
    for declaration in schema.PARAMETERS:
        optional = declaration.default is not schema.REQUIRED and declaration.default != []
        if '*' not in declaration.name and optional and not node.has_parameter(declaration.name):
            node.declare_parameter(declaration.name, declaration.default, _descriptor(declaration))


def _descriptor(declaration):
    unit = f' [{declaration.unit}]' if declaration.unit else ''
    choices = f' One of: {", ".join(declaration.choices)}.' if declaration.choices else ''
    return ParameterDescriptor(name=declaration.name, description=f'{declaration.description}{unit}.{choices}',
                               dynamic_typing=True)


def read(node):
    """Return the Configuration of a node's parameters; raises ConfigurationError."""
    return configuration({name: parameter.value for name, parameter in node.get_parameters_by_prefix('').items()})


LIVE = 'blend, actions.*.scale, actions.*.position_scale, actions.*.rotation_scale'


def is_live(name):
    """Return whether a parameter may change while the node acts."""
    declaration = schema.find(name)
    return declaration is not None and declaration.name in LIVE.split(', ')


def converted(name, value):
    """Return the value of a parameter, checked against its declaration; raises ConfigurationError."""
    return _convert(name, value, schema.find(name))


def configuration(values):
    """Return the Configuration of name → value, each checked against its declaration."""
    tree = {}
    _refuse_blanks(values)
    for name, value in values.items():
        if name.startswith(_BUILT_IN):
            continue
        declaration = schema.find(name)
        if declaration is None:
            raise _unknown_parameter(name)
        _insert(tree, name, _convert(name, value, declaration))
    return Configuration(policy=_policy(tree), control=_control(tree),
                         scheduling=SchedulingSpec(**_filled(tree, 'scheduling')), sim=_sim(tree))


def _refuse_blanks(values):
    blank = [name for name, value in values.items()
             if value == schema.BLANK or isinstance(value, (list, tuple)) and schema.BLANK in value]
    if blank:
        raise ConfigurationError(f'{len(blank)} blanks ({schema.BLANK}) are to be filled in: {", ".join(blank)}')


def _unknown_parameter(name):
    groups = sorted({p.name.split('.')[0] for p in schema.PARAMETERS})
    parts = name.split('.')
    generic = [p.name.replace('*', parts[1]) if len(parts) > 1 else p.name for p in schema.PARAMETERS]
    near = difflib.get_close_matches(name, generic, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else f'; parameters start with {groups}'
    return ConfigurationError(f"unknown parameter '{name}'{hint}")


def _missing(declaration, name=''):
    full = declaration.name.replace('*', name)
    return ConfigurationError(f"parameter '{full}' is missing: {declaration.description}")


def _insert(tree, name, value):
    *parents, leaf = name.split('.')
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[leaf] = value


def _convert(name, value, declaration):
    kind, is_list = declaration.type.removesuffix('[]'), declaration.type.endswith('[]')
    if is_list:
        # an empty YAML list arrives as an array of bytes, one number may stand for a list of one
        items = list(value) if isinstance(value, (list, tuple, array.array)) else [value]
        return tuple(_scalar(name, item, kind, declaration) for item in items)
    return _scalar(name, value, kind, declaration)


_TYPES = {'string': str, 'bool': bool, 'integer': int, 'double': (int, float)}


def _scalar(name, value, kind, declaration):
    if not isinstance(value, _TYPES[kind]) or (kind != 'bool' and isinstance(value, bool)):
        raise ConfigurationError(f"parameter '{name}' is {value!r}; expected {declaration.type}")
    if kind == 'double':
        value = float(value)
        if math.isnan(value) and repr(declaration.default) == 'nan':
            return value
    if kind in ('double', 'integer') and not declaration.low <= value <= declaration.high:
        unit = f' {declaration.unit}' if declaration.unit else ''
        raise ConfigurationError(f"parameter '{name}' is {value:g}{unit}; expected {declaration.low:g} to "
                                 f'{declaration.high:g}{unit}')
    if declaration.choices and value not in declaration.choices:
        raise unknown('value', value, declaration.choices, f"parameter '{name}'")
    return value


def _filled(tree, prefix, name=''):
    """Return leaf → value of everything declared under a prefix, defaults filled in."""
    given = tree.get(prefix, {})
    given = given.get(name, {}) if name else given
    result = {}
    for declaration in schema.PARAMETERS:
        parts = declaration.name.split('.')
        if parts[0] != prefix or len(parts) != (3 if name else 2) or (name and parts[1] != '*') or parts[-1] == '*':
            continue
        value = given.get(parts[-1], declaration.default)
        if value is schema.REQUIRED:
            raise _missing(declaration, name)
        result[parts[-1]] = tuple(value) if isinstance(value, list) else value
    return result


def _policy(tree):
    values = _filled(tree, 'policy')
    values.pop('clip_observations'), values.pop('clip_actions')
    values['train_config'], values['checkpoint'] = resolve(values['train_config']), resolve(values['checkpoint'])
    values['sigma'] = None if math.isnan(values['sigma']) else values['sigma']
    return PolicySpec(**values, spaces=_spaces(tree))


def _spaces(tree):
    """Return the fields of Spaces that the file states."""
    given = tree.get('spaces', {})
    shapes = given.get('observation', {})
    discrete = given.get('discrete', ())
    return {name: value for name, value in {
        'observation': shapes['obs'] if set(shapes) == {'obs'} else shapes,
        'action': _action(given.get('actions', 0), discrete),
        'action_low': given.get('action_low'), 'action_high': given.get('action_high'),
        'dtype': dict.fromkeys(given.get('uint8', ()), 'uint8')}.items() if value}


def _action(continuous, discrete):
    if continuous and discrete:
        raise ConfigurationError('spaces: actions and discrete are both stated; a policy has one of them')
    if len(discrete) == 1:
        return {'discrete': discrete[0]}
    return {'multi_discrete': list(discrete)} if discrete else continuous


def _sim(tree):
    values = _filled(tree, 'sim')
    gap = {name: values.pop(name) for name in list(values) if name in GapSpec.__dataclass_fields__}
    return SimSpec(**values, gap=GapSpec(**gap, noise=tree.get('sim', {}).get('noise', {})))


def _top(tree, name):
    declaration = schema.find(name)
    value = tree.get(name, declaration.default)
    if value is schema.REQUIRED:
        raise _missing(declaration)
    return tuple(value) if isinstance(value, list) else value


def _control(tree):
    actions = _filled(tree, 'actions')['terms']
    unused = sorted(set(tree.get('actions', {})) - set(actions) - {'terms'})
    if unused:
        raise ConfigurationError(f'actions.terms does not name {unused}, which the file describes; '
                                 f'it names {list(actions)}')
    return ControlSpec(
        robots=_top(tree, 'robots'), control_rate=_top(tree, 'control_rate') or None, trigger=_top(tree, 'trigger'),
        lockstep_timeout=_top(tree, 'lockstep_timeout'), blend_in=_top(tree, 'blend_in'), blend=_top(tree, 'blend'),
        episode_topic=_top(tree, 'episode_topic'),
        alignment_reference=_top(tree, 'alignment_reference'), robots_required=_top(tree, 'robots_required'),
        shadow=_top(tree, 'shadow'), together=_top(tree, 'rows'),
        clip_observations=tree.get('policy', {}).get('clip_observations') or None,
        clip_actions=tree.get('policy', {}).get('clip_actions') or None,
        inputs={name: tuple(terms) for name, terms in tree.get('inputs', {}).items()},
        sources={name: SourceSpec(name=name, **_filled(tree, 'sources', name)) for name in tree.get('sources', {})},
        terms={name: TermSpec(name=name, **_filled(tree, 'terms', name)) for name in tree.get('terms', {})},
        actions=tuple(ActionSpec(name=name, **_filled(tree, 'actions', name)) for name in actions))
