# SPDX-License-Identifier: Apache-2.0
"""Keeps the picture of running policy nodes up to date."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import re
import time
from typing import Final

from rich.console import Console
from rich.live import Live

from rl_policy_node.nodes.watch.node_view import NodeView
from rl_policy_node.nodes.watch.watcher import Watcher
from rl_policy_node.tools.watch.dashboard import Dashboard

REFRESH: Final = 0.25  # s between two pictures
SETTLE: Final = 0.7  # s in which further nodes are looked for, once there is one


def watch(names: Sequence[str], every: bool, console: Console) -> None:
    """Show nodes until a signal ends it; names: of nodes, empty: all of the DDS domain."""
    with Watcher(names) as watcher, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(_picture(watcher.poll(REFRESH), every), refresh=True)


def show_once(names: Sequence[str], every: bool, console: Console, patience: float) -> bool:
    """Print one picture as soon as every node was heard, at most after `patience`, s; return whether one was heard."""
    with Watcher(names) as watcher:
        end, since, views = time.monotonic() + patience, None, list[NodeView]()
        while time.monotonic() < end:
            views = watcher.poll(0.1)
            if not (views and all(view.complete for view in views)):
                since = None
            elif since is None:
                since = time.monotonic()
            elif time.monotonic() - since > SETTLE:
                break
        console.print(_picture(views, every))
        return any(view.present and view.message for view in views)


def save_picture(console: Console, path: str | Path) -> None:
    """Write what a recording console has printed as an SVG, which takes no font from the network."""
    text = console.export_svg(title='rl_policy watch')
    Path(path).write_text(re.sub(r'@font-face {.*?}', '', text, flags=re.DOTALL), encoding='utf-8')


def _picture(views: Sequence[NodeView], every: bool) -> Dashboard:
    return Dashboard(views, time.monotonic(), every, os.environ.get('ROS_DOMAIN_ID', '0'))
