"""A full disk: the gateway's data directory on a small file system of its own, filled and freed while it runs.

Runs itself again in a mount namespace; where that isn't allowed, the tests are skipped.
"""

import ctypes

from gateway import *

MIB = 1024 * 1024
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


def mount_small(path, size):
    """Mounts a tmpfs that nobody else sees; False: not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    return (libc.unshare(CLONE_NEWNS) == 0 and libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0 and
            libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, b"size=%d" % size) == 0)


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.gateway = Gateway(SHOP, platform(self.receiver),
                               'journal = { segment_bytes = "4MiB"; disk_reserve = "1MiB"; };')
        self.data = os.path.join(self.gateway.folder, "data")
        self.ballast = os.path.join(self.data, "ballast")
        os.mkdir(self.data)
        if not mount_small(self.data, 40 * MIB):
            self.tearDown()
            self.skipTest("no mount namespace here")

    def tearDown(self):
        self.gateway.remove()
        self.receiver.stop()
        ctypes.CDLL(None).umount2(self.data.encode(), 2)
        shutil.rmtree(self.gateway.folder, ignore_errors=True)

    def fill(self, but=0):
        """Takes all room but so many bytes."""
        status = os.statvfs(self.data)
        left = status.f_bavail * status.f_frsize - but
        with open(self.ballast, "ab") as file:
            while left > 0:
                left -= file.write(b"x" * min(left, MIB))
                file.flush()

    def post(self, number):
        return self.gateway.post_order("shop", order(number, note="n" * 1000))

    def until_refused(self, number):
        """Posts until one is refused with 503 and Retry-After; returns the numbers that were accepted."""
        accepted = []
        end = time.monotonic() + 60
        while time.monotonic() < end:
            status, headers, answer = self.post(number)
            if status == 503:
                self.assertEqual(answer["code"], "disk-full")
                self.assertTrue(int(headers["Retry-After"]) > 0)
                return accepted
            self.assertEqual(status, 202)
            accepted.append(number)
            number += 1
        self.fail("never refused")

    def delivered(self):
        return {event["data"]["order_no"] for event in self.receiver.of_type("order")}

    def until_delivered(self, numbers):
        wanted = {"#%d" % number for number in numbers}
        until(lambda: wanted <= self.delivered(), 30, "all accepted messages delivered")

    def test_full_while_running(self):
        for but in (3 * MIB // 2, 0):  # above the reserve, so that segments end it; and at once
            with self.subTest(room=but):
                if not self.gateway.process:
                    self.gateway.start()
                start = 100000 if but else 500000
                self.receiver.answer = lambda events: 503
                accepted = [start - 1]
                self.assertEqual(self.post(start - 1)[0], 202)
                self.fill(but)
                accepted += self.until_refused(start)
                self.receiver.answer = lambda events: 200
                self.until_delivered(accepted)
                self.assertIsNone(self.gateway.process.poll())
                os.unlink(self.ballast)
                until(lambda: self.post(start + 90000)[0] == 202, 20, "accepted again")
                self.until_delivered([start + 90000])
                self.assertIsNone(self.gateway.process.poll())

    def test_started_on_a_full_disk(self):
        self.gateway.start()
        self.receiver.answer = lambda events: 503
        self.assertEqual(self.post(1)[0], 202)
        self.gateway.kill()
        self.fill(6 * MIB)  # a start needs a fresh segment
        self.receiver.answer = lambda events: 200
        self.gateway.start()
        self.until_delivered([1])


if __name__ == "__main__":
    main()
