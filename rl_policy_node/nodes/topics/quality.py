# SPDX-License-Identifier: Apache-2.0
"""The user's quality of service: the parameters `qos_overrides.<topic>.<publisher|subscription>.<policy>`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import copy
from typing import Any, Final

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy

from rl_policy_node.errors import ConfigurationError, unfit, unknown

PREFIX: Final = 'qos_overrides.'
PUBLISHER, SUBSCRIPTION = 'publisher', 'subscription'
# topics of a node's other publishers and subscriptions, which read these parameters themselves or ignore them
OTHERS: Final = ('/clock', '/diagnostics', '/parameter_events', '/rosout', '/tf', '/tf_static')

_POLICIES: Final = tuple(kind.name.lower() for kind in QoSPolicyKind if kind.name != 'INVALID')
_NAMED: Final = {
    'history': HistoryPolicy,
    'reliability': ReliabilityPolicy,
    'durability': DurabilityPolicy,
    'liveliness': LivelinessPolicy,
}
_DURATIONS: Final = ('deadline', 'lifespan', 'liveliness_lease_duration')
_LONGEST: Final = 2**63 - 1  # ns: infinite


class Overrides:
    """The profiles of topics, as changed by parameters.

    parameters: name → value, of a node; those that do not start with `qos_overrides.` are ignored. private: the
    namespace of the node's own topics, `/policy_node`; overrides of these, and of OTHERS, may stay unused. Raises
    ConfigurationError for an invalid policy or value.
    """

    def __init__(self, parameters: Mapping[str, Any], private: str) -> None:
        self._private = f'{private}/'
        self._given: dict[tuple[str, str], dict[str, Any]] = {}
        self._used: set[tuple[str, str]] = set()
        for name in sorted(parameters):
            if name.startswith(PREFIX):
                self._take(name, parameters[name])

    def profile(self, entity: str, topic: str, default: QoSProfile) -> QoSProfile:
        """Return the profile of a publisher or subscription (`entity`) on a resolved topic."""
        self._used.add((topic, entity))
        profile = copy.copy(default)
        for policy, value in self._given.get((topic, entity), {}).items():
            setattr(profile, policy, value)
        return profile

    def given(self, entity: str, topic: str) -> Mapping[str, object]:
        """Return policy → value of the parameters for a resolved topic."""
        return self._given.get((topic, entity), {})

    def refuse_unused(self) -> None:
        """Raise ConfigurationError for the first parameter of a topic that is not used: it would have no effect."""
        for topic, entity in self._given:
            if (topic, entity) not in self._used and not topic.startswith(self._private):
                policy = next(iter(self._given[topic, entity]))
                raise unknown(
                    'topic',
                    f'{topic}.{entity}',
                    (f'{name}.{kind}' for name, kind in self._used),
                    f"parameter '{PREFIX}{topic}.{entity}.{policy}'",
                )

    def _take(self, name: str, value: Any) -> None:
        topic, *rest = name.removeprefix(PREFIX).split('.')
        if topic in OTHERS:
            return
        if len(rest) != 2 or rest[0] not in (PUBLISHER, SUBSCRIPTION):
            raise ConfigurationError(
                f"parameter '{name}': expected {PREFIX}/topic.{PUBLISHER}.policy or "
                f'{PREFIX}/topic.{SUBSCRIPTION}.policy; policies: {", ".join(sorted(_POLICIES))}'
            )
        entity, policy = rest
        valid = [each for each in _POLICIES if each != 'lifespan' or entity == PUBLISHER]
        if policy not in valid:
            raise unknown(f'policy of a {entity}', policy, valid, f"parameter '{name}'")
        self._given.setdefault((topic, entity), {})[policy] = _value(name, policy, value)


def _value(name: str, policy: str, value: Any) -> Any:
    """Return the value of a policy as a QoSProfile holds it; raises ConfigurationError."""
    if policy in _NAMED:
        choices = {each.name.lower(): each for each in _NAMED[policy] if each.name != 'UNKNOWN'}
        if value not in choices:
            raise unknown('value', value, choices, f"parameter '{name}'")
        return choices[value]
    if policy == 'avoid_ros_namespace_conventions':
        if not isinstance(value, bool):
            raise unfit(f"parameter '{name}'", repr(value), 'true or false')
        return value
    least, meaning = (0, ' of nanoseconds') if policy in _DURATIONS else (1, '')
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LONGEST:
        raise unfit(f"parameter '{name}'", repr(value), f'an integer{meaning} from {least} on')
    return Duration(nanoseconds=value) if policy in _DURATIONS else value


def differences(wanted: Mapping[str, object], made: QoSProfile) -> Iterable[str]:
    """Yield a text for each wanted policy of an endpoint that the middleware changed.

    History and depth stay in the process, and cannot be read back.
    """
    for policy, value in wanted.items():
        got = getattr(made, policy)
        left_open = (
            policy in ('history', 'depth', 'avoid_ros_namespace_conventions')
            or getattr(value, 'name', '') in ('SYSTEM_DEFAULT', 'BEST_AVAILABLE')
            or isinstance(value, Duration)
            and value.nanoseconds in (0, _LONGEST)
        )
        if not left_open and got != value:
            yield f'{policy} is {_text(got)} instead of {_text(value)}'


def _text(value: Any) -> str:
    return f'{value.nanoseconds} ns' if isinstance(value, Duration) else str(getattr(value, 'name', value)).lower()
