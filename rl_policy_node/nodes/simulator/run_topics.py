# SPDX-License-Identifier: Apache-2.0
"""The topics of a bag of the bridge."""

from __future__ import annotations

import re
from typing import Final

RUN: Final = 'simulator bridge'  # the mark of the bag in metadata.yaml
METADATA: Final = '~/metadata'
STEP: Final = '~/step/'  # and the name of an array
LATENCY: Final = 'latency'


def step_token(name: str) -> str:
    """Return the name of an array as part of a topic, which has no other signs than letters, digits, _ and /."""
    parts = (re.sub(r'\W', '_', part, flags=re.ASCII) for part in name.split('/'))
    return '/'.join(f'_{part}' if not part or part[0].isdigit() else part for part in parts)
