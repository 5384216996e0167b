# SPDX-License-Identifier: Apache-2.0
"""Names of contenders and conditions, in results and in tables."""

PLAYER, EAGER, ONNX, GRAPH = 'player', 'eager', 'onnx', 'cuda_graph'
BARE = {ONNX: 'bare onnx', GRAPH: 'bare graph'}
WITH_COPIES = 'bare graph and copies'
# backend → its lower bound
FLOORS = {ONNX: BARE[ONNX], GRAPH: WITH_COPIES}

ECHO, ECHO_EVENTS, PLAIN, OURS = 'echo', 'echo, events executor', 'plain node', 'policy node'
IDLE, BUSY = 'idle', 'busy'
