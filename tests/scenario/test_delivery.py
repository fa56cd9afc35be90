"""Destinations that die, hang, refuse and are slow; files that rotate; what is told before anything runs."""

import json
import os
import subprocess
import unittest
import urllib.request

from gateway import BUILD, SECRET, SHOP, Gateway, Receiver, main, order, platform, until


class Tool:
    """build/tools/receiver, as often as wanted on one port."""

    def __init__(self, folder, *manners):
        self.store = os.path.join(folder, "ids")
        self.port = 0
        self.process = None
        self.start(*manners)

    def start(self, *manners):
        self.process = subprocess.Popen([os.path.join(BUILD, "tools", "receiver"), "--port", str(self.port), "--store",
                                         self.store, *manners], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = "http://127.0.0.1:%d/events" % self.port

    def stats(self):
        with urllib.request.urlopen("http://127.0.0.1:%d/stats" % self.port, timeout=10) as answer:
            return json.load(answer)

    def control(self, query):
        urllib.request.urlopen("http://127.0.0.1:%d/control?%s" % (self.port, query), data=b"", timeout=10).close()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Deliveries(unittest.TestCase):
    def gateway(self, *destinations, settings=""):
        gateway = Gateway(SHOP, ",\n".join(destinations), settings)
        self.addCleanup(gateway.remove)
        return gateway

    def tool(self, gateway, *manners):
        tool = Tool(gateway.folder, *manners)
        self.addCleanup(tool.stop)
        return tool

    def rewrite(self, gateway, old, new):
        with open(gateway.file) as file:
            text = file.read()
        with open(gateway.file, "w") as file:
            file.write(text.replace(old, new))

    def test_receiver_that_dies_before_it_answers(self):
        gateway = self.gateway(platform(Url("@URL@"), more="batch = { records = 5; };"))
        tool = self.tool(gateway, "--die-after", "7")
        self.rewrite(gateway, "@URL@", tool.url)
        gateway.start()
        for number in range(40):
            gateway.post_order("shop", order(number))
        until(lambda: tool.process.poll() is not None, what="the receiver's end")
        tool.process.stdout.close()
        tool.start()
        stats = until(lambda: (tool.stats()["unique"] == 40) and tool.stats(), what="40 different events")
        self.assertGreater(stats["repeated"], 0)
        self.assertEqual((stats["disordered"], stats["malformed"]), (0, 0))
        self.assertEqual(gateway.stop(), 0)

    def test_revisions_stay_in_order_while_it_fails(self):
        gateway = self.gateway(platform(Url("@URL@"), more='batch = { records = 3; }; connections = 4; timeout = "300ms";'))
        tool = self.tool(gateway, "--fail", "30", "--hang", "5")
        self.rewrite(gateway, "@URL@", tool.url)
        gateway.start()
        for version in range(12):
            for number in range(5):
                gateway.post_order("shop", order(number, updated="2026-11-23T10:%02d:00+08:00" % version,
                                                 total="%d.00" % version))
        until(lambda: tool.stats()["unique"] == 60, 60, "60 revisions")
        self.assertEqual(tool.stats()["disordered"], 0)
        tool.control("fail=0&hang=0")
        self.assertEqual(gateway.stop(), 0)

    def test_progress_is_kept_and_a_new_destination_starts_from_the_beginning(self):
        first, second = Receiver(), Receiver()
        self.addCleanup(first.stop)
        self.addCleanup(second.stop)
        gateway = self.gateway(platform(first))
        gateway.start()
        for number in range(10):
            gateway.post_order("shop", order(number))
        until(lambda: len(first.events) == 10)
        self.assertEqual(gateway.stop(), 0)
        self.rewrite(gateway, "destinations = (\n", "destinations = (\n%s,\n" % platform(second, "later"))
        gateway.start()
        until(lambda: len(second.events) == 10, what="the new destination has everything")
        gateway.post_order("shop", order(10))
        until(lambda: len(first.events) == 11 and len(second.events) == 11)
        self.assertEqual(gateway.stop(), 0)

    def test_refused_record_is_not_tried_again_after_a_restart(self):
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        bodies = []

        def answer(events):
            bodies.append([event["data"]["order_no"] for event in events])
            return 422 if "#3" in bodies[-1] else 200

        receiver.answer = answer
        gateway = self.gateway(platform(receiver))
        gateway.start()
        for number in range(6):
            gateway.post_order("shop", order(number))
        until(lambda: len(receiver.events) == 5)
        self.assertEqual(gateway.stop(), 0)
        del bodies[:]
        gateway.start()
        gateway.post_order("shop", order(6))
        until(lambda: len(receiver.events) == 6)
        self.assertEqual(bodies, [["#6"]])
        self.assertEqual(gateway.stop(), 0)

    def test_credentials_refused_pause_until_they_work(self):
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        receiver.answer = lambda events: 401
        gateway = self.gateway(platform(receiver))
        gateway.start()
        for number in range(5):
            gateway.post_order("shop", order(number))
        until(lambda: b"destination refuses our credentials" in gateway.read_log(), what="the alarm")
        receiver.answer = lambda events: 200
        until(lambda: len(receiver.events) == 5)
        self.assertIn(b"destination works again", gateway.read_log())
        self.assertEqual(gateway.read_log().count(b"destination refuses our credentials"), 1)
        self.assertEqual(gateway.stop(), 0)

    def test_stop_does_not_wait_for_who_never_answers(self):
        gateway = self.gateway(platform(Url("@URL@")), settings='drain_timeout = "1s";')
        tool = self.tool(gateway, "--hang", "100")
        self.rewrite(gateway, "@URL@", tool.url)
        gateway.start()
        gateway.post_order("shop", order(1))
        until(lambda: tool.stats()["hung"] == 1, what="a request that hangs")
        self.assertEqual(gateway.stop(5), 0)

    def test_file_rotates_and_survives_kills(self):
        gateway = self.gateway('{ name = "log"; transport = "file"; path = "out.ndjson"; rotate_bytes = "4KiB"; }')
        gateway.start()
        for round_number in range(4):
            for number in range(15):
                gateway.post_order("shop", order(round_number * 15 + number))
            if round_number % 2:
                gateway.kill()
                gateway.start()

        def lines():
            names = [name for name in os.listdir(gateway.folder) if name.startswith("out.ndjson.")]
            names.sort(key=lambda name: int(name.rsplit(".", 1)[1]))
            self.assertEqual(names, ["out.ndjson.%d" % (i + 1) for i in range(len(names))])
            found = []
            for name in names + ["out.ndjson"]:
                if os.path.exists(os.path.join(gateway.folder, name)):
                    with open(os.path.join(gateway.folder, name)) as file:
                        found += file.readlines()
            return found

        until(lambda: len({json.loads(line)["id"] for line in lines()[:-1]}) >= 59, what="60 events in files")
        self.assertEqual(gateway.stop(), 0)
        self.assertTrue(all(line.endswith("\n") for line in lines()))
        numbers = [json.loads(line)["data"]["order_no"] for line in lines()]
        self.assertEqual(len(set(numbers)), 60)
        first_seen = list(dict.fromkeys(numbers))
        self.assertEqual(first_seen, ["#%d" % number for number in range(60)])
        self.assertTrue(os.path.exists(os.path.join(gateway.folder, "out.ndjson.3")))


class Url:
    def __init__(self, url):
        self.url = url


class BeforeItRuns(unittest.TestCase):
    def run_command(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "SHOP_SECRET": SECRET}
        return subprocess.run([os.path.join(BUILD, "entrepot"), *arguments], capture_output=True, text=True, timeout=60,
                              env=environment)

    def check(self, sources, settings=""):
        gateway = Gateway(sources, "", settings)
        self.addCleanup(gateway.remove)
        return self.run_command("check", "--config", gateway.file), gateway.file

    def test_sound_configuration(self):
        result, _ = self.check(SHOP)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("source shop: shopify", result.stdout)
        self.assertIn("seccomp", result.stdout)

    def test_options_and_certificates_are_tried(self):
        result, file = self.check(
            '{ name = "a"; plugin = "camt"; verify = { scheme = "none"; }; options = { zone = "Mars"; }; },\n'
            '{ name = "b"; plugin = "x12"; dedupe = "off"; verify = { scheme = "none"; }; options = { skuu = "x"; }; }')
        self.assertEqual(result.returncode, 78)
        self.assertIn('%s:5: source a: zone = "Mars"' % file, result.stderr)
        self.assertIn('%s:6: source b: x12 has no option "skuu"' % file, result.stderr)

    def test_every_error_at_once(self):
        result, file = self.check(SHOP.replace("scheme", "shceme"), 'log = { level = "loud"; };\nhttp = { header_max = 5; };')
        self.assertEqual(result.returncode, 78)
        for text in ("unknown setting shceme in verify (nearest: scheme)", 'level is "loud"', "header_max is a number"):
            self.assertIn(text, result.stderr)
        self.assertNotIn(SECRET, result.stderr)

    def test_missing_file_and_misuse(self):
        self.assertEqual(self.run_command("check", "--config", "/nonexistent.conf").returncode, 78)
        self.assertEqual(self.run_command("check", "--konfig", "x").returncode, 64)
        self.assertEqual(self.run_command("plugins", "a", "b").returncode, 64)
        for command in ("check", "plugins", "version"):
            result = self.run_command(command, "--help")
            self.assertEqual(result.returncode, 0)
            self.assertIn("Usage: entrepot " + command, result.stdout)

    def test_plugins(self):
        listed = json.loads(self.run_command("plugins", "--json").stdout)
        self.assertLessEqual({"camt", "shopify", "stripe", "x12"}, {plugin["name"] for plugin in listed})
        one = json.loads(self.run_command("plugins", "x12", "--json").stdout)
        self.assertEqual(one["kind"], "warehouse")
        self.assertIn("zone", [option["name"] for option in one["options"]])
        result = self.run_command("plugins", "shopfy")
        self.assertEqual(result.returncode, 66)
        self.assertIn('nearest: "shopify"', result.stderr)

    def test_version(self):
        version = json.loads(self.run_command("version", "--json").stdout)
        self.assertEqual(version["plugin_interface"], "1.0")
        self.assertIn("openssl", version["libraries"])


if __name__ == "__main__":
    main()
