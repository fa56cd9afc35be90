"""sources.py BUILD: what 1,000 configured sources cost of which 20 are active, beside 20 sources of which all are.

The active ones get a message each 50 ms for a few seconds. Figures of the gateway and its workers together: processes,
proportional memory, processor time.
"""

import http.client
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))

from gateway import BUILD, Gateway, until  # noqa: E402

ACTIVE = 20
SECONDS = 5
TICK = os.sysconf("SC_CLK_TCK")


def family(pid):
    """The gateway's process and its children."""
    children = []
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, task)) as file:
            children += [int(child) for child in file.read().split()]
    return [pid] + children


def memory_mib(pids):
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total / 1024


def processor_seconds(pids):
    total = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def post_all(port, count):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for i in range(count):
        for source in range(ACTIVE):
            connection.request("POST", "/in/source-%d" % source, b"order-%d" % i)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202, answer.status
        time.sleep(0.05)
    connection.close()


def measure(sources):
    plugin = os.path.join(BUILD, "tests/plugins/neighbour.so")
    gateway = Gateway(",\n".join('{ name = "source-%d"; plugin = "%s"; verify = { scheme = "none"; }; idle_timeout = "2s"; }'
                                 % (i, plugin) for i in range(sources)),
                      '{ name = "log"; transport = "file"; path = "out.ndjson"; }')
    try:
        begun = time.monotonic()
        gateway.start()
        started = time.monotonic() - begun
        pid = gateway.process.pid
        post_all(gateway.port, 60)  # the active ones are there, the others have gone
        until(lambda: len(family(pid)) <= ACTIVE + 1, 60, "idle workers have ended")
        before, begun = processor_seconds(family(pid)), time.monotonic()
        post_all(gateway.port, SECONDS * 20)
        busy = (processor_seconds(family(pid)) - before) / (time.monotonic() - begun)
        pids = family(pid)
        print("%5d sources, %d active: start %5.1f s, %3d workers, %6.1f MiB, %4.1f %% of a processor" % (
            sources, ACTIVE, started, len(pids) - 1, memory_mib(pids), 100 * busy))
    finally:
        gateway.remove()


for count in (ACTIVE, 1000):
    measure(count)
