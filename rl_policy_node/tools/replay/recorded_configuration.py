# SPDX-License-Identifier: Apache-2.0
"""The configuration with which a bag was recorded, from what the bag says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import hashlib
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import yaml

from rl_policy_node.core.recording import Event
from rl_policy_node.errors import ConfigurationError, unfit
from rl_policy_node.nodes.parameters import parsing, schema
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.tools.settings import named_settings

# what a node says of itself, from JSON
Metadata: TypeAlias = Mapping[str, Any]
_NOT_FINITE = ('inf', '-inf', 'nan')


class RecordedBag(Protocol):
    """A bag of a policy node. metadata: what the node says of itself."""

    @property
    def metadata(self) -> Metadata: ...

    def events(self) -> Iterator[Event]: ...


class Changes(NamedTuple):
    """What a replay does otherwise than the recorded policy. settings: name=value; '': as recorded."""

    checkpoint: str = ''
    backend: str = ''
    settings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.checkpoint or self.backend or self.settings)

    @property
    def anew(self) -> frozenset[str]:
        """The parts of a recorded state (see Stepper.state) that say nothing of the changed policy."""
        groups = {setting.partition('.')[0] for setting in self.settings}
        touched = {
            'policy': bool(self.checkpoint) or 'policy' in groups,
            'observations': bool(groups & {'terms', 'inputs', 'sources'}),
            'actions': any(group == 'actions' or group.startswith('blend') for group in groups),
        }
        return frozenset(name for name, changed in touched.items() if changed)


class Recorded(NamedTuple):
    """A configuration, whether a simulated clock paced it, and what may differ from the recorded one."""

    configuration: Configuration
    simulated: bool
    notes: tuple[str, ...]


def recorded_configuration(metadata: Metadata, changes: Changes) -> Recorded:
    """Return the Configuration of a bag, with changes; raises ConfigurationError if the bag does not tell it."""
    if not metadata.get('parameters') or 'checkpoint' not in metadata:
        raise unfit(
            'the bag',
            'without the parameters of a policy node',
            'one that record.directory makes, or --params FILE for the topics of others',
        )
    values = {name: _value(name, value) for name, value in metadata['parameters'].items()}
    simulated = values.get('use_sim_time') is True
    notes = [] if changes.checkpoint else list(_files(metadata, values))
    for name, text in named_settings(changes.settings, {}, 'replay').items():
        values[name] = yaml.safe_load(text)
    if changes.checkpoint:
        values['policy.checkpoint'] = str(Path(changes.checkpoint).absolute())
        values.pop('policy.checkpoint_sha256', None)
    if changes.backend:
        values['policy.backend'] = changes.backend
    return Recorded(parsing.configuration(values), simulated, tuple(notes))


def _value(name: str, value: Any) -> Any:
    """Return the value of a parameter from JSON, which has no infinite numbers."""
    if isinstance(value, list):
        return [_value(name, each) for each in value]
    declared = schema.find(name)
    number = declared is not None and declared.type.startswith('double')
    return float(value) if number and value in _NOT_FINITE else value


def _files(metadata: Metadata, values: dict[str, Any]) -> Iterable[str]:
    """Set the paths of checkpoint and run to those that were read; yield a line for each that has changed since."""
    for name in ('train_config', 'checkpoint'):
        read = metadata.get(name) or {}
        path = Path(read.get('path', ''))
        if not path.is_file():
            raise ConfigurationError(
                f"the {name.replace('_', ' ')} of the recorded policy, '{path}', is not there; "
                f'bring it back, or name another with --{"set policy." if name == "train_config" else ""}{name}'
            )
        if not Path(str(values.get(f'policy.{name}', ''))).is_absolute():
            values[f'policy.{name}'] = str(path)
        if name == 'checkpoint':
            values['policy.checkpoint'] = str(path)
        wanted = read.get('sha256', '')
        if wanted and hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            yield f'{path} has changed since the recording: its sha256 was {wanted[:12]}…'
