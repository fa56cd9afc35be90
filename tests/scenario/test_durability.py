"""The journal as an operator sees it: stat, verify, dump, balance; retention."""

import glob
import random

from gateway import *


def journal(gateway, *arguments):
    """Exit status and output of `entrepot journal ...`."""
    run = subprocess.run([os.path.join(BUILD, "entrepot"), "journal", *arguments, "--config", gateway.file],
                         capture_output=True, text=True)
    return run.returncode, run.stdout, run.stderr


def verify(gateway):
    status, out, err = journal(gateway, "verify", "--json")
    return status, json.loads(out) if out else err


def balance(gateway, *arguments):
    run = subprocess.run([os.path.join(BUILD, "entrepot"), "balance", "--json", "--config", gateway.file, *arguments],
                         capture_output=True, text=True)
    return run.returncode, json.loads(run.stdout) if run.stdout else run.stderr


def frames(gateway, *arguments):
    return [json.loads(line) for line in journal(gateway, "dump", *arguments)[1].splitlines()]


def damage(gateway, frame, at):
    """Flips a bit `at` bytes into a frame; returns what undoes it."""
    path = os.path.join(gateway.folder, "data", "journal", "segment-%016x" % frame["segment"])

    def flip():
        with open(path, "r+b") as file:
            file.seek(frame["offset"] + at)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 4]))

    flip()
    return flip


class Journal(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.gateway = Gateway(SHOP, platform(self.receiver)).start()

    def tearDown(self):
        self.gateway.remove()
        self.receiver.stop()

    def post(self, first, last):
        return [self.gateway.post_order("shop", order(i, total="%d.10" % i), {"Prefer": "wait=20"})[2]["message_id"]
                for i in range(first, last)]

    def test_sound_while_running_and_after(self):
        ids = self.post(0, 20)
        until(lambda: len(self.receiver.ids()) == 20)
        for running in True, False:
            if not running:
                self.assertEqual(self.gateway.stop(), 0)
            status, found = verify(self.gateway)
            self.assertEqual((status, found["sound"], found["messages"], found["outcomes"]), (0, True, 20, 20))
            self.assertEqual([f["message_id"] for f in frames(self.gateway) if f["kind"] == "message"], ids)
            self.assertEqual(journal(self.gateway, "stat")[0], 0)

    def test_dump_shows_contents_only_when_asked(self):
        self.gateway.post_order("shop", order(1, note="S3CRET"), {"Prefer": "wait=20"})
        self.assertNotIn("S3CRET", journal(self.gateway, "dump")[1])
        shown = [f for f in frames(self.gateway, "--bodies") if f["kind"] == "message"][0]
        self.assertIn("S3CRET", shown["body"])

    def test_every_damaged_message_is_named(self):
        ids = self.post(0, 12)
        until(lambda: len(self.receiver.ids()) == 12)
        self.gateway.stop()
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        for frame in frames(self.gateway):
            if frame["kind"] not in ("message", "outcome"):
                continue
            undo = damage(self.gateway, frame, chance.randrange(frame["bytes"]))
            status, found = verify(self.gateway)
            what = "seed %d, frame %s: %s" % (seed, frame["position"], found)
            self.assertEqual(status, 1, what)
            self.assertEqual([p["position"] for p in found["places"]], [frame["position"]], what)
            self.assertEqual([(m["lost"], m["message_id"], m["source"], m["proven"]) for m in found["affected"]],
                             [(frame["kind"], frame["message_id"], "shop", True)], what)
            self.assertIn(frame["message_id"], ids)
            undo()
        self.assertEqual(verify(self.gateway)[0], 0)

    def test_balance(self):
        self.receiver.answer = lambda events: 422 if any(e["data"]["order_no"] == "#3" for e in events) else 200
        self.post(0, 10)
        self.gateway.post_order("shop", order(0, total="0.10"))
        self.gateway.post_order("shop", b"{ no json", {"Prefer": "wait=20"})
        until(lambda: len(self.receiver.ids()) == 9)
        until(lambda: balance(self.gateway)[1]["destinations"][0]["pending"] == 0)
        for running in True, False:
            if not running:
                self.gateway.kill()
            status, found = balance(self.gateway)
            self.assertEqual((status, found["holds"], found["violations"]), (0, True, []))
            source = found["sources"][0]
            self.assertEqual([source[n] for n in ("received", "normalized", "duplicate", "quarantined", "pending")],
                             [12, 10, 1, 1, 0])
            self.assertEqual(source["amounts"], [{"currency": "USD", "amount": "46.00"}])
            destination = found["destinations"][0]
            self.assertEqual([destination[n] for n in ("records", "delivered", "dead", "pending")], [10, 9, 1, 0])
            self.assertEqual(destination["amounts"][0]["delivered"], "42.90")
            self.assertEqual(destination["amounts"][0]["dead"], "3.10")
        self.assertEqual(balance(self.gateway, "--source", "other")[1]["destinations"][0]["records"], 0)
        self.assertEqual(balance(self.gateway, "--since", "2020-01-01T00:00:00Z")[1]["sources"][0]["received"], 12)
        self.assertEqual(balance(self.gateway, "--since", "yesterday")[0], 64)

    def test_balance_misses_a_lost_outcome(self):
        self.post(0, 10)
        until(lambda: balance(self.gateway)[1]["destinations"][0]["pending"] == 0)
        self.gateway.stop()
        victim = [f for f in frames(self.gateway) if f["kind"] == "outcome"][4]
        damage(self.gateway, victim, victim["bytes"] - 1)
        self.assertEqual(balance(self.gateway)[0], 1)


class Retention(unittest.TestCase):
    def test_disk_use_is_bounded_and_nothing_needed_goes(self):
        receiver, held = Receiver(), Receiver()
        gateway = Gateway(SHOP, platform(receiver) + ",\n" + platform(held, "held"),
                          'journal = { segment_bytes = "4MiB"; retain = { age = "0s"; bytes = "0"; }; };')
        try:
            gateway.start()

            def first():
                return json.loads(journal(gateway, "stat", "--json")[1])["first"]

            def load(prefix, seconds):
                run = subprocess.run([os.path.join(BUILD, "tools", "load"), "--port", str(gateway.port), "--connections",
                                      "8", "--seconds", str(seconds), "--secret", SECRET, "--prefix", prefix,
                                      "--bytes", "16000"], capture_output=True, text=True)
                self.assertEqual(run.returncode, 0, run.stderr)

            held.answer = lambda events: 503
            gateway.stop()
            gateway.start()
            early = gateway.post_order("shop", order(1), {"Prefer": "wait=20"})[2]["message_id"]
            load("A", 3)
            gateway.stop()
            gateway.start()  # a start writes nothing off that a destination still needs
            self.assertEqual(first(), 4096)
            held.answer = lambda events: 200
            until(lambda: first() > 4096 + 4 * 1024 * 1024, 60, "old segments released")
            until(lambda: balance(gateway)[1]["destinations"][1]["pending"] == 0, 30, "all delivered")
            load("B", 3)
            until(lambda: len(glob.glob(gateway.folder + "/data/journal/segment-*")) <= 3, 60, "few segments")
            status, found = balance(gateway)
            self.assertEqual((status, found["violations"]), (0, []))
            self.assertEqual(set(receiver.ids()), set(held.ids()))
            mac = base64.b64encode(hmac.new(SECRET.encode(), b"", hashlib.sha256).digest()).decode()
            answer = gateway.request("GET", "/in/shop/messages/" + early, headers={"X-Shopify-Hmac-Sha256": mac})
            self.assertIn(answer[0], (401, 404))  # the message's frames are gone
            self.assertEqual(verify(gateway)[0], 0)
            gateway.kill()
            gateway.start()
            self.assertEqual(balance(gateway)[0], 0)
        finally:
            gateway.remove()
            receiver.stop()
            held.stop()


if __name__ == "__main__":
    main()
