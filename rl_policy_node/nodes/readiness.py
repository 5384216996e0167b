"""Whether a node may be activated, and what it waits for, in words."""
import math

from rl_policy_node.nodes.wiring import spec_topic


def broken(sources, control):
    """Return what makes waiting pointless: a topic that carries something else than the file says; '' if none does."""
    for name, source in sources.items():
        for row, robot in enumerate(control.robots):
            fault = source.buffer.broken(row)
            if fault:
                return f"source '{name}' on {spec_topic(source.spec, robot)}: {fault}"
    return ''


def waiting(stepper, control, count_publishers):
    """Return what activation waits for; no publisher and no message yet are different troubles.

    count_publishers(topic): as a node counts them. With `robots_required: any` one robot is enough.
    """
    unfit, silent = stepper.unfit(), {}
    if control.robots_required == 'any' and len(unfit) < control.rows:
        return []
    for row in unfit:
        for source in stepper.sources.values():
            if source.buffer.received[row] == -math.inf:
                topic = spec_topic(source.spec, control.robots[row])
                topics = silent.setdefault(_trouble(source, row, topic, count_publishers), [])
                topics += [topic] if topic not in topics else []
    return [f'{what} on {", ".join(topics)}' for what, topics in silent.items()] or list(unfit.values())


def _trouble(source, row, topic, count_publishers):
    fault = source.buffer.last_fault[row]
    if fault:
        return f'all messages refused ({fault})'
    return 'no message yet' if count_publishers(topic) else 'no publisher'
