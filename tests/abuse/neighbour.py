"""neighbour.py PORT CONNECTIONS: a well-behaved source under load, in a process of its own.

Each connection posts a message, waits for its outcome, posts the next, until standard input ends. Then one line of JSON:
the number sent, what went wrong, and for each message when it was sent (monotonic clock) and how long it took.
"""

import http.client
import json
import sys
import threading
import time

port, connections = int(sys.argv[1]), int(sys.argv[2])
stop = threading.Event()
samples, errors, lock = [], [], threading.Lock()


def post(connection, number):
    begun = time.monotonic()
    connection.request("POST", "/in/neighbour", number.encode(), {"Prefer": "wait=20"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    took = time.monotonic() - begun
    with lock:
        samples.append((begun, took))
        if answer.status != 200 or content.get("outcome") != "normalized" or content.get("records") != 1:
            errors.append("%s: %d %s" % (number, answer.status, content))


def load(thread):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    count = 0
    try:
        while not stop.is_set():
            post(connection, "n-%d-%d" % (thread, count))
            count += 1
    except (OSError, ValueError) as error:
        with lock:
            errors.append("n-%d-%d: %r" % (thread, count, error))


threads = [threading.Thread(target=load, args=(thread,)) for thread in range(connections)]
for thread in threads:
    thread.start()
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join()
print(json.dumps({"sent": len(samples), "errors": errors, "samples": samples}))
