# SPDX-License-Identifier: Apache-2.0
"""A thread that only wakes up on time: it shows the limit of this machine's clock and scheduler.

    python -m rl_policy_node.tools.bench.timed_thread PERIOD_S SECONDS DELAY_S

Prints the steady times at which it woke up, ns.
"""

import json
import sys
import threading
import time


def main() -> None:
    """Run the thread to its end."""
    period, seconds, delay = map(float, sys.argv[1:4])
    began: list[int] = []
    thread = threading.Thread(target=wake, args=(began, period, round(seconds / period), time.monotonic() + delay))
    thread.start()
    thread.join()
    print(json.dumps(began))


def wake(began: list[int], period: float, count: int, start: float) -> None:
    """Append the time, steady ns, to `began`: `count` times, a period (s) apart, from `start` on."""
    for number in range(count):
        while (left := start + number * period - time.monotonic()) > 0:
            time.sleep(left)
        began.append(time.monotonic_ns())


if __name__ == '__main__':
    main()
