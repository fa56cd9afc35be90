"""The admin API and `entrepot status`: what they count, whom they let in, what they refuse."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import unittest

from gateway import BUILD, SHOP, Gateway, Receiver, main, order, platform, until


def ask(gateway, request, path=None):
    """Raw bytes to the admin socket; all that comes back."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(path or os.path.join(gateway.folder, "data", "admin.sock"))
        client.sendall(request)
        answer = b""
        while True:
            piece = client.recv(65536)
            if not piece:
                return answer
            answer += piece


def get(gateway, path, headers=""):
    head, _, body = ask(gateway, ("GET %s HTTP/1.1\r\nHost: e\r\n%s\r\n" % (path, headers)).encode()).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def status(gateway):
    return json.loads(get(gateway, "/status")[1])


def run(gateway, *arguments):
    return subprocess.run([os.path.join(BUILD, "entrepot"), *arguments, "--config", gateway.file], capture_output=True,
                          text=True, timeout=30, env={"PATH": os.environ["PATH"]})  # the secrets aren't needed


def samples(text):
    """The samples of Prometheus' text format, after checking that it is that."""
    found, families, family = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in families, "twice: " + family
        elif line.startswith("# TYPE "):
            assert line.split()[2] == family
            families[family] = line.split()[3]
            assert families[family] != "counter" or family.endswith("_total"), family
        else:
            matched = re.fullmatch(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\d+(?:\.\d+)?)', line)
            assert matched, line
            name = matched[1]
            if families[family] == "histogram":
                name = re.sub("_(bucket|sum|count)$", "", name)
            assert name == family, line
            key = matched[1] + (matched[2] or "")
            assert key not in found, key
            found[key] = float(matched[3])
    return found


class Admin(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)

    def gateway(self, destinations=None, settings=""):
        gateway = Gateway(SHOP, destinations or platform(self.receiver), settings)
        self.addCleanup(gateway.remove)
        return gateway.start()

    def fill(self, gateway):
        """Three new, one duplicate, one quarantined."""
        for number in range(3):
            gateway.post_order("shop", order(number), {"X-Shopify-Webhook-Id": "w%d" % number})
        gateway.post_order("shop", order(0), {"X-Shopify-Webhook-Id": "w0"})
        gateway.post_order("shop", b"{", {"X-Shopify-Webhook-Id": "bad"})
        until(lambda: status(gateway)["sources"][0]["pending"] == 0 and status(gateway)["destinations"][0]["delivered"] == 3)

    def check_counts(self, gateway, delivered=3):
        source, destination = status(gateway)["sources"][0], status(gateway)["destinations"][0]
        self.assertEqual({name: source[name] for name in ("name", "state", "received", "normalized", "duplicate",
                                                          "quarantined", "discarded", "pending", "oldest_pending_s")},
                         {"name": "shop", "state": "works", "received": 5, "normalized": 3, "duplicate": 1,
                          "quarantined": 1, "discarded": 0, "pending": 0, "oldest_pending_s": None})
        self.assertEqual((source["records"], source["rejected"]), (3, 1))
        self.assertEqual((destination["name"], destination["state"], destination["delivered"], destination["dead"],
                          destination["pending"]), ("platform", "works", delivered, 0, 3 - delivered))

    def test_status_counts_and_goes_on_counting_after_a_crash(self):
        gateway = self.gateway()
        self.fill(gateway)
        self.check_counts(gateway)
        source = status(gateway)["sources"][0]
        self.assertEqual(source["plugin"]["name"], "shopify")
        self.assertIn("seccomp", source["worker"]["layers"])
        self.assertGreater(source["worker"]["pid"], 0)
        self.assertGreater(status(gateway)["journal"]["syncs"], 0)
        gateway.kill()
        gateway.start()
        until(lambda: status(gateway)["destinations"][0]["pending"] == 0)
        self.check_counts(gateway)
        self.assertEqual(gateway.stop(), 0)
        gateway.start()
        self.check_counts(gateway)

    def test_pending_of_a_destination_that_is_down(self):
        gateway = self.gateway('{ name = "down"; transport = "http"; url = "http://127.0.0.1:9/"; batch = { records = 1; }; '
                               'retry = { first = "20ms"; max = "50ms"; }; parked_max = 2; }')
        for number in range(20):
            gateway.post_order("shop", order(number))
        until(lambda: status(gateway)["destinations"][0]["pending"] == 20)
        view = status(gateway)["destinations"][0]
        self.assertEqual((view["delivered"], view["state"]), (0, "fails"))
        self.assertIsNotNone(view["oldest_pending_s"])
        table = run(gateway, "status")
        self.assertRegex(table.stdout, r"(?m)^down +fails +0 +20 ")

    def test_metrics_are_prometheus_text(self):
        gateway = self.gateway()
        self.fill(gateway)
        code, body = get(gateway, "/metrics")
        self.assertEqual(code, 200)
        found = samples(body.decode())
        self.assertEqual(found['entrepot_messages_received_total{source="shop"}'], 5)
        self.assertEqual(found['entrepot_messages{source="shop",outcome="quarantined"}'], 1)
        self.assertEqual(found['entrepot_records_delivered_total{destination="platform"}'], 3)
        self.assertEqual(found['entrepot_worker_sandbox_layer{source="shop",layer="seccomp"}'], 1)
        self.assertEqual(found['entrepot_journal_sync_duration_seconds_bucket{le="+Inf"}'],
                         found["entrepot_journal_sync_duration_seconds_count"])
        buckets = [value for name, value in found.items() if "_bucket" in name]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(found["entrepot_ready"], 1)
        gateway.request("GET", "/healthz")  # intake doesn't serve it
        self.assertEqual(gateway.request("GET", "/metrics")[0], 404)

    def test_the_socket_is_private_and_hostile_requests_change_nothing(self):
        gateway = self.gateway()
        path = os.path.join(gateway.folder, "data", "admin.sock")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        for request, code in ((b"GET / HTTP/1.1\r\nHost: e\r\n\r\n", 404), (b"BREW /status HTTP/1.1\r\nHost: e\r\n\r\n", 405),
                              (b"POST /status HTTP/1.1\r\nHost: e\r\nContent-Length: 0\r\n\r\n", 405), (b"nonsense\r\n\r\n", 400),
                              (b"GET /status HTTP/1.1\r\nHost: e\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
                              (b"POST /status HTTP/1.1\r\nHost: e\r\nContent-Length: 99999999999\r\n\r\n", 413),
                              (b"POST /status HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n", 411)):
            answer = ask(gateway, request)
            self.assertEqual(int(answer.split()[1]), code, request[:40])
            self.assertIn(b'"detail"', answer)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(80)]
        for client in waiting:
            client.connect(path)
            client.sendall(b"GET ")
        for client in waiting:
            client.close()

        def healthy():
            try:
                return get(gateway, "/healthz")[0] == 200
            except OSError:  # turned away: too many at once
                return False

        until(healthy)
        head = ask(gateway, b"HEAD /readyz HTTP/1.1\r\nHost: e\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n"))

    def test_address_needs_its_token(self):
        gateway = Gateway(SHOP, platform(self.receiver), 'admin = { address = "127.0.0.1:0"; token = "env:STRIPE_SECRET"; };')
        self.addCleanup(gateway.remove)
        gateway.start()
        port = int(re.findall(rb'at="127\.0\.0\.1:(\d+)"', gateway.read_log())[0])
        gateway.port = port
        for header, code in (({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Bearer "}, 401),
                             ({"Authorization": "Bearer whsec_test"}, 200)):
            self.assertEqual(gateway.request("GET", "/status", headers=header)[0], code)

    def test_command(self):
        gateway = self.gateway()
        self.fill(gateway)
        table = run(gateway, "status")
        self.assertEqual((table.returncode, table.stderr), (0, ""))
        self.assertLessEqual(max(len(line) for line in table.stdout.splitlines()), 100)
        self.assertRegex(table.stdout, r"(?m)^shop +works +5 +3 +1 +1 +0 +0 +-$")
        self.assertRegex(table.stdout, r"(?m)^platform +works +3 +0 +0 +- +0 +0 +0 +0$")
        self.assertEqual(json.loads(run(gateway, "status", "--json").stdout)["sources"][0]["received"], 5)
        self.assertEqual(run(gateway, "status", "surplus").returncode, 64)
        gateway.stop()
        stopped = run(gateway, "status")
        self.assertEqual((stopped.returncode, stopped.stdout), (69, ""))
        self.assertIn("no gateway answers", stopped.stderr)
        gateway.start()
        gateway.kill()
        self.assertEqual(run(gateway, "status").returncode, 69)
        gateway.start()
        self.assertEqual(run(gateway, "status").returncode, 0)

    def test_readyz_while_stopping(self):
        gateway = self.gateway()
        asked, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)
        self.receiver.answer = lambda events: (asked.set(), go_on.wait(20), 200)[2]
        gateway.post_order("shop", order(1))
        self.assertTrue(asked.wait(20))
        self.assertEqual(get(gateway, "/readyz")[0], 200)
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: get(gateway, "/readyz")[0] == 503)
        self.assertEqual(get(gateway, "/healthz")[0], 200)
        go_on.set()
        self.assertEqual(gateway.process.wait(20), 0)


if __name__ == "__main__":
    main()
