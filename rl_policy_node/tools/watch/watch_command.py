# SPDX-License-Identifier: Apache-2.0
"""The command `rl_policy watch`. What it needs is imported when it runs."""

import argparse
import contextlib
import sys

from rl_policy_node.tools.command import Command, positive

PORT = 8765  # of Foxglove's servers


class Watch(Command):
    """Show running policy nodes: state, reasons, rates, latency, terms beside their training, last faults."""

    name = 'watch'

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add('nodes', metavar='NODE', nargs='*', help='such as /left/policy_node; default: all of the DDS domain')
        add('--all-numbers', action='store_true', help='of each term, not only the one furthest from its training')
        add('--once', action='store_true', help='print one picture and end; exit code 1 if no node was heard')
        add('--patience', type=positive, default=5, metavar='S', help='time that --once may wait, s (default: 5)')
        add('--svg', metavar='FILE', help='write the picture of --once there, too')
        add('--foxglove', action='store_true', help='serve Foxglove instead, through a WebSocket; needs foxglove-sdk')
        add('--host', default='127.0.0.1', help='address of that server (default: 127.0.0.1, this machine alone)')
        add('--port', type=int, default=PORT, help=f'of that server (default: {PORT}); 0: any that is free')

    def run(self, options: argparse.Namespace) -> int:
        with contextlib.suppress(KeyboardInterrupt):  # the usual end
            return _run(options)
        return 0


def _run(options: argparse.Namespace) -> int:
    if options.foxglove:
        from rl_policy_node.tools.watch.foxglove_server import serve

        serve(options.nodes, options.host, options.port)
        return 0
    from rich.console import Console

    from rl_policy_node.tools.watch.watching import save_picture, show_once, watch

    if not options.once and not options.svg and sys.stdout.isatty():
        watch(options.nodes, options.all_numbers, Console())
        return 0
    console = Console(record=bool(options.svg))
    heard = show_once(options.nodes, options.all_numbers, console, options.patience)
    if options.svg:
        save_picture(console, options.svg)
    return 0 if heard else 1
