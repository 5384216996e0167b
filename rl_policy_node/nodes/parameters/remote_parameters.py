# SPDX-License-Identifier: Apache-2.0
"""The services by which other nodes change parameters: they answer every request, and run no code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import ParameterNotDeclaredException
from rclpy.parameter import Parameter
from rclpy.parameter_service import ParameterService

from rl_policy_node.nodes.parameters import schema

# these name code, an interpreter or the path of one, remove a check on loaded files, or say where files are written
# and removed
AT_START: Final = (
    'policy.allow_untrusted_pickle',
    'policy.checkpoint_sha256',
    'policy.plugins',
    'record.budget',
    'record.directory',
    'sim.config',
    'sim.environment',
    'sim.id',
    'sim.options',
    'sim.python',
    'sim.python_path',
    'sim.python_variables',
    'terms.*.function',
)
# these name code if the value is package.module:Class
AT_START_WITH_COLON: Final = ('sources.*.type', 'actions.*.type')


class RemoteParameters(ParameterService):
    """rclpy's parameter services of a node, but both setters and `get_parameter_types` raise no exceptions.

    Create the node with start_parameter_services=False, then this. With an unknown parameter type rclpy's own services
    leave a request without an answer, and end a node that does not catch exceptions around its spin;
    `get_parameter_types` of rclpy 7 always does.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        super().__init__(node)

    def _get_parameter_types_callback(self, request: Any, response: Any) -> Any:
        try:
            kinds = [self._node.get_parameter_type(name) for name in request.names]
        except ParameterNotDeclaredException:
            kinds = []  # no types at all, as rclpy's own service answers
        response.types = [getattr(kind, 'value', kind) for kind in kinds]
        return response

    def _set_parameters_callback(self, request: Any, response: Any) -> Any:
        response.results = [self._set([each]) for each in request.parameters]
        return response

    def _set_parameters_atomically_callback(self, request: Any, response: Any) -> Any:
        response.result = self._set(request.parameters)
        return response

    def _set(self, messages: Sequence[Any]) -> SetParametersResult:
        """Set all of the parameters, or none."""
        try:
            changes = [Parameter.from_parameter_msg(each) for each in messages]
            barred = [change.name for change in changes if _only_at_start(change)]
            if barred:
                return _refused(
                    f'{", ".join(barred)}: names code or loosens what may be loaded; only parameter files '
                    'and overrides at start set it'
                )
            return self._node.set_parameters_atomically(changes)
        except Exception as error:  # noqa: BLE001 - the client gets an answer
            names = ', '.join(each.name for each in messages)
            return _refused(f'{names}: {type(error).__name__}: {error}')


def _only_at_start(change: Parameter) -> bool:
    declaration = schema.find(change.name)
    if declaration is None:
        return False
    return declaration.name in AT_START or declaration.name in AT_START_WITH_COLON and ':' in str(change.value)


def _refused(reason: str) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=reason)
