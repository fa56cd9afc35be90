"""The whole way of a message, with the real programs: receipts, records, duplicates, versions, kills, draining."""

import hashlib
import json
import os
import threading
import unittest

from gateway import ROOT, SHOP, Gateway, Receiver, main, order, platform, until


class Spine(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)

    def gateway(self, sources=SHOP, destinations=None, settings=""):
        gateway = Gateway(sources, destinations or platform(self.receiver), settings)
        self.addCleanup(gateway.remove)
        return gateway.start()

    def test_receipt_names_the_bytes_and_the_record_arrives(self):
        gateway = self.gateway()
        body = order(1)
        status, _, receipt = gateway.post_order("shop", body)
        self.assertEqual(status, 202)
        self.assertEqual(receipt["bytes"], len(body))
        self.assertEqual(receipt["sha256"], hashlib.sha256(body).hexdigest())
        self.assertEqual((receipt["source"], receipt["duplicate"]), ("shop", False))
        event = until(lambda: self.receiver.of_type("order"))[0]
        self.assertEqual(event["data"]["order_no"], "#1")
        self.assertEqual(event["data"]["total"], {"amount": "12.50", "currency": "USD"})
        self.assertEqual(event["source"], "urn:entrepot:source:shop")
        self.assertEqual(event["entrepotmessage"], receipt["message_id"])
        self.assertEqual(event["revision"], 1)

    def test_duplicate_gets_the_first_receipt(self):
        gateway = self.gateway()
        first = gateway.post_order("shop", order(1), {"X-Shopify-Webhook-Id": "w1"})[2]
        again = gateway.post_order("shop", order(1), {"X-Shopify-Webhook-Id": "w1"})[2]
        self.assertTrue(again.pop("duplicate"))
        self.assertFalse(first.pop("duplicate"))
        self.assertEqual(first, again)
        gateway.post_order("shop", order(2), {"X-Shopify-Webhook-Id": "w2"})
        until(lambda: len(self.receiver.events) == 2)
        self.assertEqual(sorted(event["data"]["order_no"] for event in self.receiver.events), ["#1", "#2"])

    def test_old_never_overwrites_new(self):
        gateway = self.gateway()
        for note, (updated, total) in enumerate((("2026-11-23T10:00:00Z", "1.00"), ("2026-11-23T12:00:00Z", "2.00"),
                                                 ("2026-11-23T11:00:00Z", "3.00"), ("2026-11-23T12:00:00Z", "2.00"))):
            status, _, outcome = gateway.post_order("shop", order(7, updated, total, note=note), {"Prefer": "wait=10"})
            self.assertEqual((status, outcome["outcome"]), (200, "normalized"))
        gateway.post_order("shop", order(8))
        until(lambda: any(event["data"]["order_no"] == "#8" for event in self.receiver.of_type("order")))
        seen = [(event["data"]["total"]["amount"], event["revision"]) for event in self.receiver.of_type("order")
                if event["data"]["order_no"] == "#7"]
        self.assertEqual(seen, [("1.00", 1), ("2.00", 2)])

    def test_quarantined_message_is_accepted_and_says_why(self):
        gateway = self.gateway()
        status, _, outcome = gateway.post_order("shop", b'{"order": {', {"Prefer": "wait=10"})
        self.assertEqual(status, 200)
        self.assertEqual(outcome["outcome"], "quarantined")
        self.assertEqual(len(outcome["rejected"]), 1)
        self.assertTrue(outcome["rejected"][0]["code"] and outcome["rejected"][0]["text"])

    def test_kill_in_the_middle_loses_nothing_and_doubles_nothing(self):
        gateway = self.gateway()
        acknowledged, number, lock, stop = [], [0], threading.Lock(), threading.Event()

        def sender():
            while not stop.is_set():
                with lock:
                    number[0] += 1
                    mine = number[0]
                try:
                    status, _, _ = gateway.post_order("shop", order(mine), {"X-Shopify-Webhook-Id": "w%d" % mine})
                except OSError:
                    stop.wait(0.02)
                    continue
                if status == 202:
                    with lock:
                        acknowledged.append("#%d" % mine)

        threads = [threading.Thread(target=sender) for _ in range(4)]
        for thread in threads:
            thread.start()
        for target in (100, 250, 400):
            until(lambda: len(acknowledged) >= target, 60, "%d acknowledged" % target)
            gateway.kill()
            gateway.start()
        stop.set()
        for thread in threads:
            thread.join()

        def arrived():
            with self.receiver.lock:
                return {event["data"]["order_no"] for event in self.receiver.events}

        until(lambda: set(acknowledged) <= arrived(), 30, "everything acknowledged has arrived")
        ids = {event["data"]["order_no"]: set() for event in self.receiver.events}
        for event in self.receiver.events:
            ids[event["data"]["order_no"]].add(event["id"])
        self.assertEqual([numbers for numbers in ids.values() if len(numbers) != 1], [])

    def test_term_drains_and_exits_zero(self):
        gateway = self.gateway()
        for number in range(50):
            gateway.post_order("shop", order(number))
        self.assertEqual(gateway.stop(), 0)
        gateway.start()
        until(lambda: len(set(self.receiver.ids())) == 50, what="50 events")
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(len(self.receiver.ids()), 50)

    def test_unreachable_destination_delays_only_itself(self):
        path = '{ name = "log"; transport = "file"; path = "out.ndjson"; }'
        dead = ('{ name = "dead"; transport = "http"; url = "http://127.0.0.1:9/"; '
                'retry = { first = "20ms"; max = "100ms"; }; }')
        gateway = self.gateway(destinations=",\n".join([platform(self.receiver), dead, path]))
        for number in range(20):
            gateway.post_order("shop", order(number))
        until(lambda: len(self.receiver.events) == 20)
        out = os.path.join(gateway.folder, "out.ndjson")
        until(lambda: os.path.exists(out) and sum(1 for _ in open(out)) == 20, what="20 lines in the file")
        self.assertEqual(gateway.stop(), 0)

    def test_refused_record_is_set_aside_and_the_rest_arrives(self):
        self.receiver.answer = lambda events: 422 if any(e["data"]["order_no"] == "#13" for e in events) else 200
        gateway = self.gateway()
        for number in range(10, 20):
            gateway.post_order("shop", order(number))
        until(lambda: len(self.receiver.events) == 9, what="nine of ten")
        self.assertNotIn("#13", [event["data"]["order_no"] for event in self.receiver.events])

    def test_five_kinds(self):
        sources = ",\n".join([
            SHOP,
            '{ name = "bank"; plugin = "camt"; verify = { scheme = "none"; }; options = { zone = "+01:00"; }; }',
            '{ name = "psp"; plugin = "stripe"; verify = { scheme = "none"; }; }',
            '{ name = "wh"; plugin = "x12"; dedupe = "digest"; verify = { scheme = "none"; }; '
            'options = { zone = "+08:00"; }; }',
            '{ name = "ins"; plugin = "easypost_insurance"; verify = { scheme = "none"; }; }'])
        gateway = self.gateway(sources)
        folder = os.path.join(ROOT, "plugins")

        def sample(name):
            with open(os.path.join(folder, name), "rb") as file:
                return file.read()

        for source, name in (("bank", "bank/camt/samples/statement_v08.in"),
                             ("psp", "payment/stripe/samples/charge_succeeded.in"),
                             ("ins", "insurer/easypost_insurance/samples/claims.in")):
            status, _, outcome = gateway.post(source, sample(name), {"Prefer": "wait=10"})
            self.assertEqual((source, status, outcome["outcome"]), (source, 200, "normalized"))
            self.assertGreater(outcome["records"], 0)
        x12 = os.path.join(folder, "warehouse/x12/samples")
        for name in sorted(os.listdir(x12)):
            if name.endswith(".in"):
                status, _, outcome = gateway.post("wh", sample("warehouse/x12/samples/" + name), {"Prefer": "wait=10"})
                self.assertEqual(status, 200, name)
        gateway.post_order("shop", order(1))
        for record in ("statement", "settlement", "payment", "insurance_claim", "inventory_position", "order"):
            until(lambda: self.receiver.of_type(record), what=record)
        statement = self.receiver.of_type("statement")[0]["data"]
        self.assertEqual((statement["balance_check"], statement["entry_count"]), ("balanced", 4))


if __name__ == "__main__":
    main()
