# SPDX-License-Identifier: Apache-2.0
"""`rl_policy`: the command line. Heavy imports wait until their command is called."""

import atexit
from collections.abc import Sequence
import gc
import os
import sys

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.tools.command_line import parser


def main(args: Sequence[str] | None = None) -> int:
    """Run a command; an error that the user can fix is one line without a traceback."""
    options = parser().parse_args(args)
    failure: int = options.failure
    # at exit Python collects garbage among all objects: with torch's this takes 0.3 s, for memory that is freed anyway
    atexit.register(gc.freeze)
    try:
        code: int = options.run_command(options)
        sys.stdout.flush()
        return code
    except (ConfigurationError, RuntimeError) as error:
        print(f'rl_policy {options.command}: {error}', file=sys.stderr)
        return failure
    except BrokenPipeError:
        # the reader (head, less) has closed the pipe; without this, Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f'rl_policy {options.command}: {error.filename or "file"}: {error.strerror or error}', file=sys.stderr)
        return failure
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
