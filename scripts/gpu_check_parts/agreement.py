# SPDX-License-Identifier: Apache-2.0
"""Compare a captured step with rl_games' player, for one family of networks: actions, time, memory.

    python -m gpu_check_parts.agreement FAMILY DEVICE FILE [--quick]

A CPU cannot capture: there the step that a graph would record takes the graph's place.
"""

import contextlib
import gc
import json
from pathlib import Path
import sys
import tempfile
import time

import numpy as np
from policy import golden_rule  # of the tests
import torch

from gpu_check_parts.tables import OFF, ON, UNFUSED
from rl_policy_node.policy import set_threads
from rl_policy_node.policy.backends.player_step import Step
from rl_policy_node.tools.bench.contenders import player_call
from rl_policy_node.tools.bench.machine import memory_mb
from rl_policy_node.tools.bench.models import CNN, LSTM_JOINTS, LSTM_POSES, MLP
from rl_policy_node.tools.bench.names import BARE, EAGER, GRAPH
from rl_policy_node.tools.bench.timing import interleaved

FAMILIES = {model.name: model for model in (MLP, LSTM_JOINTS, CNN, LSTM_POSES)}
ROWS, QUICK_ROWS = (1, 16, 256, 4096, 65536), (1, 3)
STEPS, LEAST_STEPS = 48, 8  # of a comparison, which ends early after so many s
LONGEST, QUICK_LONGEST = 3.0, 0.2
TOLERANCE = 1e-6  # between the actions of the graph and of the player where TF32 is off
UNFUSED_ROWS = 16  # where the step is also computed without TorchScript's fused kernels
VARIETY = 128 * 2**20  # bytes of different observations: drawing them takes longer than computing them
STATIC = 'static step'
MIB = 2**20


def main():
    """Write what was found after every number of rows, so that what comes to an end early leaves the rest."""
    model, device, file = FAMILIES[sys.argv[1]], sys.argv[2], Path(sys.argv[3])
    quick = '--quick' in sys.argv
    counts = QUICK_ROWS if quick else ROWS
    name = GRAPH if device.startswith('cuda') else STATIC
    found = {
        'family': model.name,
        'words': model.words,
        'contender': name,
        'floor': BARE.get(name, f'bare {name}'),
        'rows': list(counts),
        'tolerance': TOLERANCE,
        'cases': [],
    }
    if device.startswith('cuda'):
        torch.cuda.set_device(torch.device(device).index or 0)
    else:
        set_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for rows in counts:
            found['cases'].append(case(model, Path(folder), rows, device, quick))
            file.write_text(json.dumps(found, indent=1) + '\n')
            print(f'  {model.name}, {rows:,} rows: {line(found["cases"][-1])}')
    sys.exit(any('error' in each for each in found['cases']))


def line(each):
    """Return a case in words."""
    found = [
        f'{name}: max. difference {setting["max_difference"]:.1e}' for name, setting in each.get('settings', {}).items()
    ]
    return '; '.join(found + [each[key] for key in ('error',) if key in each])


def case(model, folder, rows, device, quick=False):
    """Return what was found at a number of rows; an `error` where something failed or is too far from the player."""
    found = {'rows': rows}
    try:
        _fill(found, model, folder, rows, device, quick)
        off = found['settings'][OFF]
        if not off['max_difference'] <= TOLERANCE:  # not a number is too far, too
            found['error'] = (
                f'actions differ by {off["max_difference"]:.1e} from the player, at most {TOLERANCE:g} was expected'
            )
        elif not off['spread'] > 0:
            found['error'] = 'actions are the same in every step: a comparison of nothing'
    except Exception as error:  # noqa: BLE001 - of a device anything may come, and other rows may still do
        found['error'] = f'{type(error).__name__}: {" ".join(str(error).split())[:300]}'
    return found


def _fill(found, model, folder, rows, device, quick):
    longest, settings = QUICK_LONGEST if quick else LONGEST, {}
    found['settings'] = settings
    policy = load(model, folder, rows, device)
    with tf32(False):
        made, found['capture_s'], found['memory'] = weighed(policy, model)
        settings[OFF], wanted = compared(made, policy, model, longest)
        found['us'] = timed(made, policy, model, quick)
    del made  # and the memory of its graph
    if device.startswith('cuda'):
        with tf32(True):
            settings[ON], also = compared(contender(policy), policy, model, longest)
        # what TF32 does to the player itself
        steps = min(len(wanted), len(also))
        settings[ON]['from_off'] = greatest(wanted[:steps], also[:steps])
    if rows == UNFUSED_ROWS or quick:
        with tf32(False), torch.jit.fuser('none'):
            policy = load(model, folder, rows, device)
            settings[UNFUSED], _ = compared(contender(policy), policy, model, longest)


def timed(made, policy, model, quick):
    """Return µs of a step: the player's and the contender's from numpy to numpy, the floor on the device alone."""
    observations = model.observations(policy.rows)
    calls = {
        'player': player_call(policy.player, observations),
        'contender': lambda: made.act(observations),
        'floor': made.replay,
    }
    times = interleaved(calls, 1 if quick else 3, 0.01 if quick else 0.1)
    return {name: seconds * 1e6 for name, seconds in times.items()}


def load(model, folder, rows, device):
    """Return the Policy that acts by rl_games' player, with weights by which its actions vary."""
    policy = model.load(folder, rows, EAGER, device)
    golden_rule.fill(policy.player.model)
    return policy


def contender(policy):
    """Return what stands for the player of a Policy: the CUDA graph of its step, or on a CPU the step alone."""
    inputs = policy.backend.inputs
    step = Step(policy.player, inputs, policy.deterministic)
    if torch.device(policy.player.device).type == 'cuda':
        from rl_policy_node.policy.backends.cuda_graph import CudaGraphBackend

        return CudaGraphBackend(step, inputs)
    from policy.backends.small_policies import StaticBackend

    made = StaticBackend(step, inputs)
    made.replay = made.static.compute
    return made


def weighed(policy, model):
    """Return (contender, seconds that making it took, {'graph', 'player', 'process'}: MiB).

    graph: what the device holds as long as the graph lives; player: what a step of the player needs at its peak
    besides; both without the weights. process: resident memory that is added; drivers may not count pinned memory.
    """
    on_gpu = torch.device(policy.player.device).type == 'cuda'
    observations, memory = model.observations(policy.rows), {}
    policy.act(observations)  # libraries take their memory, weights are there
    policy.reset()
    before, resident = _device_memory(on_gpu), memory_mb()
    start = time.perf_counter()
    made = contender(policy)
    seconds = time.perf_counter() - start
    made.act(observations)
    memory['process'] = memory_mb() - resident
    memory['graph'] = _device_memory(on_gpu) - before
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        allocated = torch.cuda.memory_allocated()
        policy.act(observations)
        memory['player'] = (torch.cuda.max_memory_allocated() - allocated) / MIB
    return made, seconds, memory


def _device_memory(on_gpu):
    """Return what torch holds of the device and cannot give back, MiB; 0 on a CPU."""
    gc.collect()
    if not on_gpu:
        return 0.0
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    return torch.cuda.memory_reserved() / MIB


def compared(made, policy, model, longest):
    """Return ({'max_difference', 'bit_equal', 'spread', 'steps'}, the player's actions (steps, rows, actions)).

    bit_equal: share of the actions that are the same to the last bit; spread: the smallest standard deviation of an
    action over all steps and rows. Rows are held and reset at random on the way.
    """
    player, rows, random = policy.backend, policy.rows, np.random.default_rng(0)
    seen = observations_of(model, rows)
    for each in (made, player):  # TorchScript computes its first steps in another way than those to come
        for step in range(3):
            each.act(seen[step % len(seen)])
        each.restart()
    found, wanted, end = [], [], time.perf_counter() + longest
    while len(found) < STEPS and (len(found) < LEAST_STEPS or time.perf_counter() < end):
        hold, reset = random.random((2, rows)) < [[0.1], [0.03]]
        for each, actions in ((made, found), (player, wanted)):
            actions.append(each.act(seen[len(actions) % len(seen)], hold))
            each.reset(reset)
    found, wanted = np.stack(found), np.stack(wanted)
    spread = float(wanted.reshape(-1, wanted.shape[-1]).std(axis=0).min())
    return {
        'max_difference': greatest(found, wanted),
        'bit_equal': float((found == wanted).mean()),
        'spread': spread,
        'steps': len(found),
    }, wanted


def observations_of(model, rows):
    """Return observations for as many different steps as VARIETY holds, at least 2."""
    first = model.observations(rows, 0)
    size = sum(array.nbytes for array in (first.values() if isinstance(first, dict) else [first]))
    return [first, *(model.observations(rows, seed) for seed in range(1, max(2, min(STEPS, VARIETY // size))))]


def greatest(found, wanted):
    """Return the greatest difference; not a number where one of them is none."""
    return float(np.abs(found - wanted).max())


@contextlib.contextmanager
def tf32(allowed):
    """Within the block, matrices and convolutions may be multiplied in TF32, or not."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


if __name__ == '__main__':
    main()
