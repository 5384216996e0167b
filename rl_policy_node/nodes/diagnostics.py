"""What the node says of itself once per second, and the figures in it."""
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np

from rl_policy_node.nodes.rows import counted, told


def percentiles(latencies):
    """Return {'p50', 'p99', 'max'} in ms of latencies in s; zeros where there are none."""
    values = np.asarray(latencies, dtype=np.float64)
    values = values[np.isfinite(values)] * 1e3
    if not values.size:
        return {'p50': 0.0, 'p99': 0.0, 'max': 0.0}
    p50, p99 = np.percentile(values, [50, 99])
    return {'p50': float(p50), 'p99': float(p99), 'max': float(values.max())}


def diagnostic_array(stamp, name, level, message, values):
    """Return a DiagnosticArray of one status; values: key → anything with a str."""
    status = DiagnosticStatus(level=level, name=name, hardware_id='', message=message)
    status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticArray(header=stamp, status=[status])


def policy_report(stepper, loop, control):
    """Return level, message and values for the policy node."""
    figures = {f'latency {name} [ms]': f'{value:.3f}' for name, value in percentiles(list(stepper.latencies)).items()}
    figures['policy p50 [ms]'] = f'{percentiles(list(stepper.thoughts))["p50"]:.3f}'
    if loop.late:
        late = percentiles(list(loop.late))
        figures |= {'late start p99 [ms]': f'{late["p99"]:.3f}', 'late start max [ms]': f'{late["max"]:.3f}'}
    values = {'steps': stepper.steps, 'recurrent resets': stepper.resets, 'missed deadlines': loop.missed, **figures}
    for name, source in stepper.sources.items():
        rejected = int(source.buffer.rejected.sum())
        if rejected:
            last = next(filter(None, reversed(source.buffer.last_fault)))
            values[f'rejected from {name}'] = f'{rejected} (last: {last})'
    reasons = dict(stepper.reasons)
    values.update(told(control, reasons) if control.together else
                  {control.robots[row] or 'robot': reason for row, reason in reasons.items()})
    if reasons:
        return DiagnosticStatus.WARN, f'{len(reasons)} of {counted(control, control.rows)} on the fallback', values
    return DiagnosticStatus.OK, f'acting for {counted(control, control.rows)}', values
