"""How `entrepot run` starts and stops: what it refuses, with which status, and what it does not wait for."""

import os
import signal
import socket
import subprocess
import time
import unittest

from gateway import BUILD, SHOP, Gateway, main, order, until

OPEN = '{ name = "open"; plugin = "shopify"; verify = { scheme = "none"; }; %s }'
FILE = '{ name = "log"; transport = "file"; path = "out.ndjson"; }'


class Run(unittest.TestCase):
    def gateway(self, sources=OPEN % "", destinations=FILE, settings=""):
        gateway = Gateway(sources, destinations, settings)
        self.addCleanup(gateway.remove)
        return gateway

    def refused(self, gateway):
        """Starts it, expects that it ends by itself: (status, what it said)."""
        gateway.start(expect_ready=False)
        return gateway.process.wait(30), gateway.read_log().decode()

    def ended(self, gateway, number=signal.SIGTERM):
        """Sends the signal: (status, seconds until it had ended)."""
        start = time.monotonic()
        gateway.process.send_signal(number)
        return gateway.process.wait(30), time.monotonic() - start

    def test_listener_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            gateway = self.gateway()
            with open(gateway.file) as file:
                text = file.read().replace("127.0.0.1:0", "127.0.0.1:%d" % taken.getsockname()[1])
            with open(gateway.file, "w") as file:
                file.write(text)
            status, said = self.refused(gateway)
        self.assertEqual(status, 69, said)
        self.assertIn("Address already in use", said)

    def test_what_check_refuses_run_refuses(self):
        gateway = self.gateway((OPEN % 'options = { nosuch = "1"; };') + ',\n' +
                               (OPEN % 'options = { zone = "Nowhere"; };').replace('"open"', '"second"'))
        status, said = self.refused(gateway)
        self.assertEqual(status, 78, said)
        self.assertIn('%s:5: source open: shopify has no option "nosuch"' % gateway.file, said)
        self.assertIn('%s:6: source second: zone' % gateway.file, said)
        self.assertNotIn("ready", said)

    def test_second_gateway_on_the_data(self):
        gateway = self.gateway().start()
        second = subprocess.run([os.path.join(BUILD, "entrepot"), "run", "--config", gateway.file],
                                capture_output=True, timeout=30)
        self.assertEqual(second.returncode, 75, second.stderr)
        self.assertEqual(gateway.stop(), 0)

    def test_half_a_request_does_not_hold_it_up(self):
        gateway = self.gateway().start()
        with socket.create_connection(("127.0.0.1", gateway.port), 20) as body, \
                socket.create_connection(("127.0.0.1", gateway.port), 20) as head, \
                socket.create_connection(("127.0.0.1", gateway.port), 20):
            body.sendall(b"POST /in/open HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            head.sendall(b"POST /in/open HT")
            until(lambda: gateway.post("open", order(1))[0] == 202)
            status, seconds = self.ended(gateway)
            self.assertEqual(status, 0)
            self.assertLess(seconds, 5)
            self.assertTrue(body.recv(65536).startswith(b"HTTP/1.1 503 "))

    def test_a_source_without_worker_does_not_hold_it_up(self):
        """Its messages stay in the journal, and are there when the plugin is."""
        gateway = self.gateway()
        with open(gateway.file) as file:
            text = file.read()
        plugin = os.path.join(gateway.folder, "own.so")
        with open(gateway.file, "w") as file:
            file.write(text.replace('"shopify"', '"%s"' % plugin))
        with open(os.path.join(BUILD, "plugins", "shopify.so"), "rb") as file:
            good = file.read()
        with open(plugin, "wb") as file:
            file.write(good)
        gateway.start()
        workers = until(lambda: [int(line) for line in subprocess.run(
            ["ps", "--ppid", str(gateway.process.pid), "-o", "pid="], capture_output=True, text=True).stdout.split()])
        os.unlink(plugin)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        self.assertEqual(gateway.post("open", order(7))[0], 202)
        until(lambda: b"worker throttled" in gateway.read_log())
        status, seconds = self.ended(gateway)
        self.assertEqual(status, 0)
        self.assertLess(seconds, 5)
        with open(plugin, "wb") as file:
            file.write(good)
        gateway.start()
        out = os.path.join(gateway.folder, "out.ndjson")
        until(lambda: os.path.exists(out) and b'"#7"' in open(out, "rb").read(), what="the pending order")

    def test_destination_that_never_answers_is_within_the_drain_timeout(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            gateway = self.gateway(destinations='{ name = "p"; transport = "http"; url = "http://127.0.0.1:%d/"; }'
                                   % silent.getsockname()[1], settings='drain_timeout = "2s";').start()
            self.assertEqual(gateway.post("open", order(1), {"Prefer": "wait=10"})[0], 200)
            silent.accept()
            status, seconds = self.ended(gateway)
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2)

    def test_output_that_does_not_fit_is_no_success(self):
        for arguments in (["version"], ["plugins"], ["--help"], ["schema", "--format", "json-schema"]):
            with open("/dev/full", "w") as full:
                result = subprocess.run([os.path.join(BUILD, "entrepot"), *arguments], stdout=full,
                                        stderr=subprocess.PIPE, timeout=30)
            self.assertEqual(result.returncode, 70, arguments)
            self.assertIn(b"No space left", result.stderr)

    def test_signal_before_it_is_ready(self):
        gateway = self.gateway(SHOP)
        gateway.start(expect_ready=False)
        until(lambda: os.path.exists(os.path.join(gateway.folder, "data", "lock")), what="the data directory's lock")
        self.assertEqual(self.ended(gateway)[0], 0)
        gateway.start()
        self.assertEqual(self.ended(gateway, signal.SIGINT)[0], 0)


if __name__ == "__main__":
    main()
