"""`entrepot plugin swap`: another build of a plugin under load: nothing lost, nothing twice, nothing refused."""

import json
import os
import subprocess
import threading
import unittest

from gateway import BUILD, Gateway, Receiver, main, platform, until
from test_admin import run, status

OLD = os.path.join(BUILD, "tests", "plugins", "neighbour.so")
NEXT = os.path.join(BUILD, "tests", "plugins", "neighbour_next.so")
SOURCE = '{ name = "shop"; plugin = "%s"; verify = { scheme = "none"; }; %%s }' % OLD


class Swap(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)

    def gateway(self, more=""):
        gateway = Gateway(SOURCE % more, platform(self.receiver))
        self.addCleanup(gateway.remove)
        return gateway.start()

    def swap(self, gateway, plugin, source="shop"):
        return run(gateway, "plugin", "swap", source, plugin)

    def plugin(self, gateway):
        return status(gateway)["sources"][0]["plugin"]

    def numbers(self):
        with self.receiver.lock:
            return [event["data"]["order_no"] for event in self.receiver.events]

    def has_id(self, number):
        with self.receiver.lock:
            return ["order_id" in event["data"] for event in self.receiver.events if event["data"]["order_no"] == number]

    def test_back_and_forth_under_load(self):
        gateway = self.gateway()
        sent, refused, stop, lock, count = [], [], threading.Event(), threading.Lock(), [0]

        def sender():
            while not stop.is_set():
                with lock:
                    count[0] += 1
                    number = "L%d" % count[0]
                code = gateway.post("shop", number.encode())[0]
                with lock:
                    (sent if code == 202 else refused).append(number)

        threads = [threading.Thread(target=sender) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(6):
                before = len(sent)
                answer = self.swap(gateway, OLD if turn % 2 else NEXT)
                self.assertEqual(answer.returncode, 0, answer.stderr)
                self.assertIn("neighbour 1.2.3" if turn % 2 else "neighbour 1.3.0", answer.stdout)
                self.assertIn("in service", answer.stdout)
                until(lambda: len(sent) > before + 50)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(refused, [])
        until(lambda: len(self.numbers()) >= len(sent))
        self.assertEqual(sorted(self.numbers()), sorted(sent))
        kinds = {has for number in sent for has in self.has_id(number)}
        self.assertEqual(kinds, {True, False})
        source = status(gateway)["sources"][0]
        self.assertEqual((source["received"], source["normalized"], source["pending"]), (len(sent), len(sent), 0))
        self.assertEqual(self.plugin(gateway)["version"], "1.2.3")
        workers = [pid for pid in os.listdir("/proc") if pid.isdigit() and self.is_worker_of(pid, gateway.process.pid)]
        self.assertEqual(len(workers), 1)

    def is_worker_of(self, pid, parent):
        try:
            with open("/proc/%s/stat" % pid) as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            return False
        return int(fields[1]) == parent and fields[0] != "Z"

    def test_on_trial_until_its_first_messages_came(self):
        gateway = self.gateway()
        answer = self.swap(gateway, NEXT)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("on trial", answer.stdout)
        self.assertIn("the configuration names", answer.stderr)
        self.assertEqual(self.plugin(gateway)["swap"], "on trial")
        for number in range(16):
            gateway.post("shop", b"T%d" % number)
        until(lambda: "swap" not in self.plugin(gateway))
        self.assertEqual((self.plugin(gateway)["version"], self.plugin(gateway)["file"]), ("1.3.0", NEXT))
        until(lambda: all(self.has_id("T%d" % number) == [True] for number in range(16)))
        gateway.stop()
        gateway.start()  # the configuration counts
        self.assertEqual(self.plugin(gateway)["version"], "1.2.3")

    def test_one_that_crashes_on_its_first_messages_goes(self):
        gateway = self.gateway()
        self.assertEqual(self.swap(gateway, NEXT).returncode, 0)
        for body in (b"A", b"B", b"crash", b"C", b"D"):
            gateway.post("shop", body)
        until(lambda: sorted(self.numbers()) == ["A", "B", "C", "D", "crash"])
        until(lambda: "swap_refused" in self.plugin(gateway))
        self.assertEqual(self.plugin(gateway)["version"], "1.2.3")
        self.assertRegex(self.plugin(gateway)["swap_refused"], "SIGSEGV|ended by itself with status")  # the latter under AddressSanitizer
        self.assertEqual(self.has_id("crash"), [False])
        self.assertEqual(status(gateway)["sources"][0]["quarantined"], 0)
        self.assertIn("not swapped", run(gateway, "status").stdout)
        self.assertLessEqual(max(len(line) for line in run(gateway, "status").stdout.splitlines()), 100)

    def test_a_crash_within_the_answers_time_is_told(self):
        gateway = self.gateway()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.swap(gateway, NEXT)))
        thread.start()
        until(lambda: self.plugin(gateway).get("swap") == "on trial" or answers)
        gateway.post("shop", b"crash")
        thread.join()
        self.assertEqual(answers[0].returncode, 1, answers[0].stdout)
        self.assertIn("keeps its plugin", answers[0].stderr)
        self.assertRegex(answers[0].stderr, "SIGSEGV|ended by itself with status")
        until(lambda: self.numbers() == ["crash"])

    def test_what_cannot_be_loaded_changes_nothing(self):
        gateway = self.gateway()
        text = os.path.join(gateway.folder, "text.so")
        with open(text, "w") as file:
            file.write("not a plugin\n")
        folder = os.path.dirname(OLD)
        for plugin, code in ((text, 1), (os.path.join(folder, "constructor_crash.so"), 1),
                             (os.path.join(folder, "nowhere.so"), 66)):
            answer = self.swap(gateway, plugin)
            self.assertEqual((answer.returncode, answer.stdout), (code, ""), plugin)
            self.assertTrue(answer.stderr)
        self.assertEqual(self.swap(gateway, NEXT, "nobody").returncode, 1)
        gateway.post("shop", b"E")
        until(lambda: self.numbers() == ["E"])
        self.assertEqual(self.plugin(gateway)["version"], "1.2.3")
        gateway.stop()
        self.assertEqual(self.swap(gateway, NEXT).returncode, 69)

    def test_options_of_the_source_are_checked(self):
        gateway = self.gateway('options = { prefix = "P-"; };')
        hostile = os.path.join(os.path.dirname(OLD), "hostile.so")
        answer = self.swap(gateway, hostile)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("prefix", answer.stderr)
        gateway.post("shop", b"F")
        until(lambda: self.numbers() == ["P-F"])

    def test_headers_that_only_the_new_one_reads_reach_it(self):
        gateway = self.gateway()
        gateway.post("shop", b"G", {"X-Order": "H", "X-More": "never"})
        self.assertEqual(self.swap(gateway, NEXT).returncode, 0)
        gateway.post("shop", b"I", {"X-More": "J"})
        until(lambda: sorted(self.numbers()) == ["G", "H", "I", "J"])

    def test_next_swap_decides_the_one_on_trial(self):
        gateway = self.gateway()
        self.assertEqual(self.swap(gateway, NEXT).returncode, 0)
        self.assertEqual(self.swap(gateway, NEXT).returncode, 0)  # the first has answered nothing: it is forgotten
        gateway.post("shop", b"K")
        until(lambda: self.has_id("K") == [True])
        self.assertEqual(self.swap(gateway, OLD).returncode, 0)
        gateway.post("shop", b"M")
        until(lambda: self.has_id("M") == [False])
        self.assertEqual(gateway.stop(), 0)

    def test_json(self):
        gateway = self.gateway()
        answer = json.loads(run(gateway, "plugin", "swap", "shop", NEXT, "--json").stdout)
        self.assertEqual((answer["source"], answer["state"], answer["version"]), ("shop", "on trial", "1.3.0"))
        self.assertEqual(subprocess.run([os.path.join(BUILD, "entrepot"), "plugin", "swop"], capture_output=True).returncode, 64)


if __name__ == "__main__":
    main()
