"""kill.py BUILD [ROUNDS] [SEED]: the real programs under load, ended by SIGKILL at random times, round after round.

Clients post signed orders over HTTP: several processes in closed loops, and one that repeats a message until it is
acknowledged, as a good partner does; its messages are large now and then, and sometimes posted twice. Meanwhile workers
are killed, then the gateway. After each kill the log alone must balance (`entrepot balance`) and be sound
(`entrepot journal verify`). The receiver is idempotent: a set of ids, each with its amount.

At the end the gateway runs until nothing is pending; then accepted = delivered, by order number and by sums of amounts,
at the receiver and in the log. Exit 1 if anything is lost, counted twice, or doesn't balance.
"""

import decimal
import random
import sys
import threading

sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/scenario")
from gateway import *  # noqa: E402

CLIENTS = 3


class Accounts:
    """What the receiver keeps of each event: its id, the order's number and the amount."""

    def __init__(self, receiver):
        self.by_id, self.repeated, self.receiver = {}, 0, receiver
        self.changed = []
        receiver.answer = self.take

    def take(self, events):
        with self.receiver.lock:
            for event in events:
                entry = (event["data"]["order_no"], decimal.Decimal(event["data"]["total"]["amount"]))
                known = self.by_id.setdefault(event["id"], entry)
                if known is not entry:
                    self.repeated += 1
                    if known != entry:
                        self.changed.append(event["id"])
        return 204  # not 200: the receiver need not keep the events themselves

    def numbers(self):
        with self.receiver.lock:
            return [number for number, _ in self.by_id.values()]

    def total(self):
        with self.receiver.lock:
            return sum((amount for _, amount in self.by_id.values()), decimal.Decimal(0))


class Partner(threading.Thread):
    """Posts orders one after the other and repeats each until it is acknowledged."""

    def __init__(self, gateway, chance):
        super().__init__(daemon=True)
        self.gateway, self.chance = gateway, chance
        self.acknowledged, self.ids, self.ending, self.odd = {}, {}, False, []

    def post(self, body):
        while not self.ending:
            try:
                status, _, answer = self.gateway.post_order("shop", body)
                if status == 202:
                    return answer
                if status != 503:
                    self.odd.append((status, answer))
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)  # it is being started again
        return None

    def run(self):
        number = 0
        while not self.ending:
            number += 1
            amount = "%d.%02d" % (self.chance.randrange(1, 5000), self.chance.randrange(100))
            note = "n" * (self.chance.randrange(1200000, 1500000) if self.chance.random() < 0.03 else 10)
            body = order(900000 + number, total=amount, note=note)
            for _ in range(2 if self.chance.random() < 0.1 else 1):
                answer = self.post(body)
                if not answer:
                    return
                first = self.ids.setdefault(number, answer["message_id"])
                if first != answer["message_id"]:
                    self.odd.append(("two receipts", first, answer["message_id"]))
            self.acknowledged["#%d" % (900000 + number)] = decimal.Decimal(amount)


def workers_of(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def run_json(*command):
    run = subprocess.run([os.path.join(BUILD, "entrepot"), *command, "--json"], capture_output=True, text=True)
    return run.returncode, json.loads(run.stdout) if run.stdout else {"stderr": run.stderr}


class Campaign:
    def __init__(self, rounds, seed):
        self.rounds, self.seed, self.chance = rounds, seed, random.Random(seed)
        self.receiver = Receiver()
        self.accounts = Accounts(self.receiver)
        self.gateway = Gateway(SHOP, platform(self.receiver, more='batch = { records = 100; linger = "2ms"; };'),
                               'journal = { segment_bytes = "8MiB"; };')
        self.acked = os.path.join(self.gateway.folder, "acked")
        self.kills = self.worker_kills = 0
        self.failures = []

    def expect(self, holds, what):
        if not holds:
            self.failures.append(what)

    def start_clients(self, number):
        return [subprocess.Popen(
            [os.path.join(BUILD, "tools", "load"), "--port", str(self.gateway.port), "--connections",
             str(self.chance.choice([1, 4, 16])), "--seconds", "30", "--secret", SECRET, "--prefix", "R%dC%dN" % (number, i),
             "--bytes", str(self.chance.choice([300, 1000, 9000])), "--acked", self.acked],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in range(CLIENTS)]

    def kill_some_workers(self):
        for worker in workers_of(self.gateway.process.pid):
            try:
                os.kill(worker, signal.SIGKILL)
                self.worker_kills += 1
            except ProcessLookupError:
                pass

    def live(self, number):
        """One life of the gateway; ends with its SIGKILL."""
        self.gateway.start()
        clients = self.start_clients(number)
        life = 2.6 if number % 25 == 24 else self.chance.uniform(0.02, 0.7)  # the long ones write a checkpoint
        end = time.monotonic() + life
        while time.monotonic() < end:
            time.sleep(min(self.chance.uniform(0.02, 0.3), max(0, end - time.monotonic())))
            if self.chance.random() < 0.4:
                self.kill_some_workers()
        self.gateway.kill()
        self.kills += 1
        for client in clients:
            client.wait()

    def check(self, what):
        """What the log says by itself, with the gateway stopped."""
        status, found = run_json("balance", "--config", self.gateway.file)
        self.expect(status == 0, "%s: balance: %s" % (what, found.get("violations", found)))
        sound, damage = run_json("journal", "verify", "--config", self.gateway.file)
        self.expect(sound == 0, "%s: verify: %s" % (what, damage))
        return found

    def acknowledged(self):
        if not os.path.exists(self.acked):
            return []
        with open(self.acked) as file:
            return file.read().split()

    def drain(self):
        self.gateway.start()

        def done():
            status, found = run_json("balance", "--config", self.gateway.file)
            return status == 0 and found["sources"][0]["pending"] == 0 and found["destinations"][0]["pending"] == 0

        until(done, 300, "nothing pending")
        self.expect(self.gateway.stop() == 0, "the gateway didn't end as asked")

    def compare(self, partner):
        found = self.check("at the end")
        source, destination = found["sources"][0], found["destinations"][0]
        numbers, total = self.accounts.numbers(), self.accounts.total()
        arrived = set(numbers)
        acknowledged = set(self.acknowledged()) | set(partner.acknowledged)
        lost = sorted(acknowledged - arrived)
        twice = len(numbers) - len(arrived)
        self.expect(not lost, "lost: %s" % lost[:10])
        self.expect(twice == 0, "%d orders have two ids" % twice)
        self.expect(not self.accounts.changed, "ids with other contents: %s" % self.accounts.changed[:10])
        self.expect(not partner.odd, "answers that may not be: %s" % partner.odd[:3])
        mine = {number: amount for number, amount in self.accounts.by_id.values()}
        self.expect(all(mine.get(number) == amount for number, amount in partner.acknowledged.items()),
                    "amounts that differ from what was sent")
        self.expect(destination["delivered"] == len(numbers),
                    "the log has %d delivered, the receiver %d" % (destination["delivered"], len(numbers)))
        self.expect(decimal.Decimal(destination["amounts"][0]["delivered"]) == total,
                    "the log's sum is %s, the receiver's %s" % (destination["amounts"], total))
        self.expect(source["normalized"] + source["duplicate"] == source["received"], "outcomes: %s" % source)
        print("rounds %d  seed %d  messages %d  acknowledged %d  delivered %d (USD %s)  kills %d gateway, %d workers  "
              "lost %d  duplicated %d  repeated deliveries %d"
              % (self.rounds, self.seed, source["received"], len(acknowledged), len(numbers), total, self.kills,
                 self.worker_kills, len(lost), twice, self.accounts.repeated))

    def run(self):
        partner = Partner(self.gateway, random.Random(self.seed + 1))
        try:
            for number in range(self.rounds):
                self.live(number)
                if number == 0:
                    partner.start()
                self.check("round %d" % number)
                if self.failures:
                    break
            partner.ending = True
            if partner.is_alive():
                partner.join(30)
            self.drain()
            self.compare(partner)
        finally:
            partner.ending = True
            self.receiver.stop()
            if self.failures:
                print("kept for you: %s" % self.gateway.folder)
            else:
                self.gateway.remove()
        for failure in self.failures:
            print("FAILED: " + failure)
        return 1 if self.failures else 0


if __name__ == "__main__":
    sys.exit(Campaign(int(sys.argv[2]) if len(sys.argv) > 2 else 100, int(sys.argv[3]) if len(sys.argv) > 3 else 1).run())
