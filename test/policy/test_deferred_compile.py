# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest
import torch

from rl_policy_node.policy.rl_games.deferred_compile import deferred_compile


@pytest.fixture
def compiled(monkeypatch):
    """Return the (function, options) that torch.compile was called with; it compiles nothing."""
    calls = []

    def compile(function, **options):
        calls.append((function.__name__, options))
        return function

    monkeypatch.setattr(torch, 'compile', compile)
    return calls


def test_decorated_functions_are_compiled_once_at_their_first_call(compiled):
    with deferred_compile():

        @torch.compile
        def twice(x):
            return 2 * x

        @torch.compile(mode='reduce-overhead')
        def thrice(x):
            return 3 * x

    assert compiled == []
    assert (twice(2), twice(3), thrice(2)) == (4, 6, 6)
    assert compiled == [('twice', {}), ('thrice', {'mode': 'reduce-overhead'})]


def test_methods_keep_their_names_and_their_objects(compiled):
    with deferred_compile():

        class Doubler:
            factor = 2

            @torch.compile
            def forward(self, x):
                """Return twice as much."""
                return self.factor * x

    assert Doubler().forward(4) == 8
    assert Doubler.forward.__doc__ == 'Return twice as much.'


def test_torch_compile_is_back_after_the_block(compiled):
    before = torch.compile
    with pytest.raises(ZeroDivisionError), deferred_compile():
        1 / 0
    assert torch.compile is before


@pytest.mark.slow
def test_player_is_built_without_the_compiler():
    code = (
        'import sys; from rl_policy_node.policy.rl_games import player; '
        'print([name for name in ("torch._dynamo", "torch._inductor", "rl_games.torch_runner", "tensorboardX") '
        'if name in sys.modules])'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
