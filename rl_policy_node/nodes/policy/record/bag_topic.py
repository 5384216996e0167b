# SPDX-License-Identifier: Apache-2.0
"""A topic of a bag, from the class of its messages."""

from __future__ import annotations

from typing import Any

from rl_policy_node.nodes.policy.record.bag_file import Topic
from rl_policy_node.nodes.topics.message_definitions import definition, digest, type_name


def topic_of_class(name: str, kind: type, latched: bool = False) -> Topic:
    """Return the Topic of a name and a message class."""
    generated: Any = kind
    stamped = list(generated.get_fields_and_field_types().items())[:1] == [('header', 'std_msgs/Header')]
    return Topic(name, type_name(kind), definition(kind), digest(kind), latched, stamped)
