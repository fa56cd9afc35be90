"""What the scenarios share: a gateway and a receiver started on free loopback ports, ended by their process ids.

Nothing here sleeps for a fixed time: until() polls a condition with a bound.
"""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SECRET = "shop-secret"


def until(condition, seconds=20.0, what="condition"):
    """Polls `condition` until it returns something true, and returns that; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not reached in %.0f s: %s" % (seconds, what))
        time.sleep(0.01)


class Receiver:
    """An HTTP destination that keeps every event it is given; `answer` decides what it says."""

    def __init__(self):
        self.events, self.requests, self.lock = [], 0, threading.Lock()
        self.answer = lambda events: 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                events = body if isinstance(body, list) else [body]
                status = receiver.answer(events)
                with receiver.lock:
                    receiver.requests += 1
                    if status == 200:
                        receiver.events += events
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, address):
                pass  # a gateway that was killed resets its connections

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/events" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def of_type(self, name):
        with self.lock:
            return [event for event in self.events if event["type"] == "entrepot.%s.v1" % name]

    def ids(self):
        with self.lock:
            return [event["id"] for event in self.events]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Gateway:
    """`entrepot run` on a configuration in a folder of its own; start() and kill() as often as wanted."""

    program = os.path.join(BUILD, "entrepot")
    environment = {}  # more of it

    def __init__(self, sources, destinations, settings=""):
        self.folder = tempfile.mkdtemp(prefix="entrepot-")
        self.file = os.path.join(self.folder, "entrepot.conf")
        self.log_path = os.path.join(self.folder, "log")
        self.process = None
        with open(self.file, "w") as file:
            file.write('data_dir = "data";\nplugin_dir = "%s/plugins";\nlisteners = ( { address = "127.0.0.1:0"; } );\n'
                       'sources = (\n%s\n);\ndestinations = (\n%s\n);\n%s\n' % (BUILD, sources, destinations, settings))

    def start(self, expect_ready=True):
        self.log = open(self.log_path, "ab")
        offset = self.log.tell()
        environment = {"PATH": os.environ["PATH"], "SHOP_SECRET": SECRET, "STRIPE_SECRET": "whsec_test",
                       **self.environment}
        for name in os.environ:
            if name.startswith(("ASAN_", "UBSAN_", "LSAN_")):
                environment[name] = os.environ[name]
        self.process = subprocess.Popen([self.program, "run", "--config", self.file],
                                        stderr=self.log, stdout=self.log, env=environment)
        if expect_ready:
            until(lambda: self.process.poll() is not None or b" ready " in self.read_log(offset), 30, "gateway ready")
            if self.process.poll() is not None:
                raise AssertionError("the gateway ended: " + self.read_log(offset).decode())
            self.port = int(re.findall(rb'address="127\.0\.0\.1:(\d+)"', self.read_log(offset))[0])
        return self

    def read_log(self, offset=0):
        with open(self.log_path, "rb") as file:
            file.seek(offset)
            return file.read()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=20):
        """SIGTERM; returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode if self.process else None

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None, headers=None):
        """Returns (status, headers, parsed JSON or bytes)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            content = answer.read()
            try:
                content = json.loads(content)
            except ValueError:
                pass
            return answer.status, answer.headers, content
        finally:
            connection.close()

    def post(self, source, body, headers=None):
        return self.request("POST", "/in/" + source, body, headers)

    def post_order(self, source, body, headers=None):
        """Signed as Shopify signs."""
        mac = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
        return self.post(source, body, {"X-Shopify-Hmac-Sha256": base64.b64encode(mac).decode(),
                                        "X-Shopify-Topic": "orders/create", "Content-Type": "application/json",
                                        **(headers or {})})


def order(number, updated="2026-11-23T10:00:00+08:00", total="12.50", **more):
    return json.dumps({"id": 1000 + number, "name": "#%d" % number, "order_number": number, "currency": "USD",
                       "created_at": "2026-11-23T09:00:00+08:00", "updated_at": updated, "total_price": total,
                       "financial_status": "paid", "line_items": [], **more}).encode()


SHOP = '{ name = "shop"; plugin = "shopify"; verify = { scheme = "shopify"; secret = "env:SHOP_SECRET"; }; }'


def platform(receiver, name="platform", more=""):
    return ('{ name = "%s"; transport = "http"; url = "%s"; retry = { first = "20ms"; max = "200ms"; }; %s }'
            % (name, receiver.url, more))


def main():
    """Runs the calling module's tests and prints the line that tests/run adds up."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed, %d skipped" % (result.testsRun - failed - len(result.skipped), failed, len(result.skipped)))
    sys.exit(failed != 0)
