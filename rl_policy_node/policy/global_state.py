"""What rl_games changes in a process while it builds, put back as it was."""
import contextlib
import copy
import random

import numpy as np
import torch

from rl_policy_node.policy.quiet import quiet


@contextlib.contextmanager
def preserved():
    """Keep random streams, thread count, precision flags, print options and stdout as they are."""
    streams = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    flags = _flags()
    printing = copy.copy(torch._tensor_str.PRINT_OPTS)
    try:
        with quiet():
            yield
    finally:
        random.setstate(streams[0])
        np.random.set_state(streams[1])
        torch.set_rng_state(streams[2])
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
        _set_flags(flags)
        torch._tensor_str.PRINT_OPTS = printing


def _flags():
    return (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark)


def _set_flags(flags):
    backends = torch.backends
    backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32, backends.cudnn.benchmark = flags
