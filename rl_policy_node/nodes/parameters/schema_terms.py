# SPDX-License-Identifier: Apache-2.0
"""The parameters of the observation terms."""
from typing import Final

from rl_policy_node.control.terms.term_spec import TERM_PARAMETERS
from rl_policy_node.nodes.parameters.declaration import Parameter, REQUIRED

TERMS: Final = (
    Parameter('inputs.*', 'string[]', REQUIRED, 'terms of an input of the network, in the order of training; a flat '
              'policy has the one input obs'),
    *(Parameter.of(f'terms.*.{name}', leaf) for name, leaf in TERM_PARAMETERS.items()))
