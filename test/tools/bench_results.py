# SPDX-License-Identifier: Apache-2.0
"""A small results.json, every figure of which is made up."""

SPREAD = {'values': [1000.0, 1500.0, 4000.0], 'shares': [0.5, 0.9, 1.0]}


def latencies(factor):
    """Return the figures of a node."""
    return {
        'p50': 1000.0 * factor,
        'p90': 1500.0 * factor,
        'p99': 3000.0 * factor,
        'max': 4000.0 * factor,
        'cpu': 0.125,
        'answered': 1.0,
        **SPREAD,
    }


def results():
    """Return what a run of every section would have written."""
    nodes = {'echo': latencies(0.5), 'plain node': latencies(3), 'policy node': latencies(1)}
    ratios = {'plain node / policy node': {'p50': 3.0, 'p99': 3.0}}
    return {
        'machine': {
            'processor': 'Abacus 3000',
            'cores': 2,
            'memory_gb': 1.0,
            'system': 'Linux 6',
            'python': '3.11',
            'ros': '',
            'date': '2025-01-01',
            'device': 'cpu',
            'versions': {'torch': '2.13'},
        },
        'options': {'runs': 3, 'quick': False},
        'sections': {
            'step': {
                'models': {'mlp': 'MLP 8, 4 observations'},
                'cases': [
                    {
                        'model': 'mlp',
                        'rows': rows,
                        'threads': 1,
                        'missing': {'onnx': 'it is not installed'},
                        'us': {'player': 400.0 * rows, 'eager': 100.0 * rows},
                        'player_over': {'eager': 4.0},
                        'over_floor': {},
                    }
                    for rows in (1, 16)
                ],
                'agreement': [{'model': 'mlp', 'backend': 'onnx', 'rows': 16, 'steps': 1000, 'max_difference': 2e-7}],
            },
            'latency': {
                'model': 'LSTM',
                'rate': 100.0,
                'burners': 2,
                'inference': {'of': 'bare onnx', 'us': 63.0},
                'budget': {'decode': 50.0, 'policy': 150.0},
                'cases': {'idle': nodes, 'busy': nodes},
                'ratios': {'idle': ratios, 'busy': ratios},
            },
            'jitter': {
                'model': 'LSTM',
                'cases': [
                    {
                        'rate': rate,
                        'cameras': cameras,
                        'ratio': {'p50': 1.25, 'p99': 0.75},
                        'jitter': {name: latencies(0.1) for name in ['timed thread alone'][cameras:] + ['policy node']},
                    }
                    for rate in (50.0, 500.0)
                    for cameras in (False, True)
                ],
            },
            'robots': {
                'model': 'MLP',
                'cases': [
                    {'robots': robots, 'rate': 100.0, 'arrival': arrival, 'in_time': 0.875, **latencies(robots)}
                    for robots in (1, 16)
                    for arrival in ('at once', 'staggered')
                ],
            },
            'images': {
                'model': 'CNN',
                'rate': 30.0,
                'cases': [
                    {
                        'height': 240,
                        'width': 320,
                        'nodes': {'echo': latencies(1), 'policy node': latencies(2)},
                        'parts': {'decode': 20.0, 'assemble and limit': 640.0, 'policy': 80.0, 'encode': 40.0},
                        'decode_share': 0.01,
                    }
                ],
            },
            'batch': {
                'threads': 1,
                'cases': [
                    {
                        'model': 'mlp',
                        'words': 'MLP 8, 4 observations',
                        'rows': [1, 1024],
                        'us': [25.0, 5140.0],
                        'line': [20.0, 5.0],
                        'backends': ['onnx', 'onnx'],
                        'memory': {'rows': 1024, 'resident_kb': 8.0, 'state_kb': 4.0, 'device_kb': 0.0},
                    }
                ],
            },
            'start': {
                'model': 'LSTM',
                'imports': {'command line': 0.035, 'nothing': 0.03},
                'runs': {
                    cache: {
                        'steps': {'imports': 4.0, 'policy loaded': loading},
                        'policy': {'backend': loading - 0.25},
                        'total': {'configure → first action': loading + 0.5},
                        'memory': {'mb': 480.0},
                    }
                    for cache, loading in (('cold', 2.0), ('warm', 1.0))
                },
            },
        },
    }
