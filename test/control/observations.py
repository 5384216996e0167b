# SPDX-License-Identifier: Apache-2.0
"""Functions that stand for a user's own module."""

import numpy as np


def speed(arrays, _context):
    return np.linalg.norm(arrays['base.linear'], axis=1, keepdims=True)


def error(arrays, context):
    return np.concatenate([arrays['wanted.position'] - arrays['arm.position'], context.elapsed[:, None]], axis=1)


def fails(arrays, _context):
    raise KeyError('no such thing')


def flat(arrays, _context):
    return arrays['base.linear'].sum()


def shrinks(arrays, _context):
    return arrays['base.linear'][:, : 2 if (arrays['base.linear'] == 0).all() else 1]


nothing = None
