"""Whether a node may be activated, and what it waits for, in words."""
import numpy as np

from rl_policy_node.nodes.rows import listed
from rl_policy_node.nodes.wiring import spec_topic


def broken(sources, control):
    """Return what makes waiting pointless: a topic that carries something else than the file says; '' if none does."""
    for name, source in sources.items():
        for row in np.nonzero(_silent(source) & source.buffer.refused)[0]:
            fault = source.buffer.broken(row)
            if fault:
                return f"source '{name}' on {_topic(source, row, control)}: {fault}"
    return ''


def _silent(source):
    """Return the rows (mask) of which nothing was taken yet."""
    return np.isinf(source.buffer.received)


def _topic(source, row, control):
    return spec_topic(source.spec, '' if source.spec.rows else control.robots[row])


def waiting(stepper, control, count_publishers):
    """Return what activation waits for; no publisher and no message yet are different troubles.

    count_publishers(topic): as a node counts them. With `robots_required: any` one robot is enough.
    """
    unfit, silent = stepper.unfit(), {}
    if control.robots_required == 'any' and len(unfit) < control.rows:
        return []
    for source in stepper.sources.values():
        rows = np.nonzero(_silent(source))[0]
        some = f'{listed(control, rows.tolist())}: ' if source.spec.rows and len(rows) < control.rows else ''
        for row in rows[:1] if source.spec.rows else rows:
            topic = _topic(source, row, control)
            silent.setdefault(some + _trouble(source, row, topic, count_publishers), []).append(topic)
    return [f'{what} on {", ".join(dict.fromkeys(topics))}' for what, topics in silent.items()] or \
        list(dict.fromkeys(unfit.values()))


def _trouble(source, row, topic, count_publishers):
    fault = source.buffer.last_fault[row]
    if fault:
        return f'all messages refused ({fault})'
    return 'no message yet' if count_publishers(topic) else 'no publisher'
