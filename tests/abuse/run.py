"""run.py BUILD: hostile plugins against the real gateway, beside a well-behaved source under load.

The neighbour must lose nothing, see no error, and keep its p99 within 2 x its quiet p99 + 50 ms while each act goes on.
Then layers of the sandbox are switched off (in a gateway built for tests), and the next one must hold where there is one.
The last lines are a table of what held, and "N passed, N failed, N skipped".
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))

from gateway import BUILD, Gateway, until  # noqa: E402
from acts import ACTS, LOADS, NOTHING  # noqa: E402

CONNECTIONS = 4
AT_ONCE = 3
QUIET_SECONDS = 2.5
WINDOW_SECONDS = 1.0  # a p99 is taken over at least so long
LAYERS = {"rlimits", "no-new-privs", "uid", "user-ns", "pid-ns", "net-ns", "ipc-ns", "mount-ns", "landlock", "seccomp"}

passed, failed, skipped, table = 0, 0, 0, []
lock = threading.Lock()


def note(ok, act, off, layer, shown, p99=None):
    """Counts one check and keeps its line of the table."""
    global passed, failed
    with lock:
        passed, failed = passed + ok, failed + (not ok)
        table.append((act, off or "-", layer if ok else "FAILED", shown, p99))
        if not ok:
            print("FAILED: %s, without %s: %s was to hold, but: %s" % (act, off or "nothing", layer, shown))


def skip(act, off, why):
    global skipped
    with lock:
        skipped += 1
        table.append((act, off or "-", "skipped", why, None))


def make_files(folder):
    """Plugins that no compiler makes, and what is to be said of each."""
    good = os.path.join(BUILD, "tests/plugins/neighbour.so")
    with open(good, "rb") as file:
        content = file.read()
    with open(os.path.join(BUILD, "tests/plugins/liar.so"), "rb") as file:
        lies = file.read()
    note_at = content.index(b"entrepot\0\0\0\0") + 12
    size = int.from_bytes(content[note_at:note_at + 4], "little")
    files = {
        "abi": (content[:note_at + 4] + b"\x07\x00" + content[note_at + 6:], r"interface 7\.0"),
        "no-note": (content.replace(b"entrepot\0\0\0\0", b"somebody\0\0\0\0"), r"no note of entrepot"),
        "lying-size": (content[:note_at] + (size + 4).to_bytes(4, "little") + content[note_at + 4:], r"size in the note"),
        "truncated": (content[:len(content) // 20], r"truncated"),
        "32-bit": (content[:4] + b"\x01" + content[5:], r"32-bit"),
        "text": (b"#!/bin/sh\nexit 0\n", r"not an ELF file"),
        "dependency": (content.replace(b"libc.so.6\0", b"libq.so.6\0"), r"libq\.so\.6: cannot open shared object"),
        "liar": (lies, r"the note says 1\.0\.0, ep_plugin_v1\(\) says '9\.9\.9'"),
        "empty": (b"", r"not an ELF file"),
    }
    for name, (bytes_of, _) in files.items():
        with open(os.path.join(folder, name + ".so"), "wb") as file:
            file.write(bytes_of)
    return {name: text for name, (_, text) in files.items()}


def check_files(names):
    """What can't be a plugin is refused before anything starts, all at once, each with its reason."""
    folder = tempfile.mkdtemp(prefix="entrepot-")
    reasons = {name: reason for name, reason in make_files(folder).items() if name in names}
    sources = [source("neighbour", os.path.join(BUILD, "tests/plugins/neighbour.so"))]
    sources += [source("bad-" + name, os.path.join(folder, name + ".so")) for name in reasons]
    gateway = Gateway(",\n".join(sources), destination())
    try:
        for command in ("check", "run"):
            ran = subprocess.run([gateway.program, command, "--config", gateway.file], capture_output=True, text=True,
                                 timeout=60)
            for name, reason in reasons.items():
                lines = [line for line in (ran.stdout + ran.stderr).splitlines() if name + ".so" in line]
                said = any(re.search(reason, line) for line in lines)
                note(ran.returncode == 78 and said, "%s of a file: %s" % (command, name), "", "loader",
                     lines[0][lines[0].index(name):] if lines else "exit %d" % ran.returncode)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        gateway.remove()


def source(name, plugin, deadline="20s"):
    return ('  { name = "%s"; plugin = "%s"; verify = { scheme = "none"; }; dedupe = "off"; deadline = "%s"; '
            'memory_max = "64MiB"; }' % (name, plugin, deadline))


def destination():
    return '  { name = "log"; transport = "file"; path = "out.ndjson"; sources = [ "neighbour" ]; }'


class Neighbour:
    """neighbour.py, and what it saw."""

    def __init__(self, port):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "neighbour.py")
        self.process = subprocess.Popen([sys.executable, script, str(port), str(CONNECTIONS)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def finish(self):
        seen = json.loads(self.process.communicate(timeout=90)[0])
        self.sent, self.errors, self.samples = seen["sent"], seen["errors"], sorted(seen["samples"])

    def p99(self, begin, end):
        """Of the messages that were under way between two times, in ms."""
        middle = (begin + end) / 2
        begin, end = min(begin, middle - WINDOW_SECONDS / 2), max(end, middle + WINDOW_SECONDS / 2)
        took = sorted(took for at, took in self.samples if at < end and at + took > begin)
        return 1000 * took[min(len(took) - 1, len(took) * 99 // 100)] if took else float("inf")


class Campaign:
    """One gateway with some layers off, and the acts that say something about these."""

    def __init__(self, off):
        self.off = off
        self.acts = [act for act in ACTS if off in act.steps]
        self.results, self.slow = [], []

    def open(self):
        plugins = {act.source(): act for act in self.acts}
        sources = [source("neighbour", self.plugin("neighbour"))]
        sources += [source(name, self.plugin(act.plugin), act.deadline) for name, act in plugins.items()]
        if not self.off:
            sources += [source("load-%d" % i, self.plugin(load[1])) for i, load in enumerate(LOADS)]
        self.gateway = Gateway(",\n".join(sources), destination())
        if self.off:
            self.gateway.program = os.path.join(BUILD, "abuse", "entrepot")
            self.gateway.environment = {"ENTREPOT_TEST_SANDBOX_OFF": self.off}
        os.chmod(self.gateway.file, 0o600)
        self.gateway.start()
        gateway, folder = self.gateway, self.gateway.folder
        data = os.path.join(folder, "data")
        files = [os.path.join(path, name) for path, _, names in os.walk(data) for name in names]
        self.words = {"pid": gateway.process.pid, "port": gateway.port, "conf": gateway.file, "folder": folder,
                      "journal": max(files, key=os.path.getsize)}

    def plugin(self, name):
        return os.path.join(BUILD, "tests/plugins/%s.so" % name)

    def ask(self, name, message):
        status, _, outcome = self.gateway.post(name, message.encode(), {"Prefer": "wait=25"})
        if status != 200:
            return "status %d %s" % (status, outcome)
        reasons = ["%s: %s" % (rejected.get("code"), rejected.get("text")) for rejected in outcome["rejected"][:1]]
        return " ".join([outcome["outcome"]] + reasons)

    def run_source(self, name):
        for act in [act for act in self.acts if act.source() == name]:
            begun = time.monotonic()
            said = self.ask(name, act.message.format(**self.words))
            self.results.append((act, said, begun, time.monotonic()))
            self.ask(name, "none" if act.plugin == "hostile" else "")  # a good answer, or the next one starts late

    def run_load(self, number):
        title, _, off, layer, evidence = LOADS[number]
        name = "load-%d" % number
        begun = time.monotonic()
        self.gateway.post(name, b"x")
        line = until(lambda: re.search(rb'worker not started source="%s".*' % name.encode(), self.gateway.read_log()), 30,
                     title)[0].decode(errors="replace")
        self.results.append(((title, layer, evidence), line, begun, time.monotonic()))

    def layers(self):
        """Those that the workers say are active."""
        lines = re.findall(r'worker started .*sandbox="([^"]*)"', self.gateway.read_log().decode(errors="replace"))
        return set(lines[0].split()) if lines else set()

    def run(self, quiet):
        """Returns the quiet p99, measured if it isn't known."""
        self.open()
        try:
            neighbour = Neighbour(self.gateway.port)
            until(lambda: b"worker started" in self.gateway.read_log(), 20, "the neighbour's worker")
            begun = time.monotonic()
            if quiet is None:
                until(lambda: time.monotonic() > begun + QUIET_SECONDS, what="a quiet time")
            calm = time.monotonic()
            names = list(dict.fromkeys(act.source() for act in self.acts))
            with ThreadPoolExecutor(AT_ONCE) as pool:
                jobs = [pool.submit(self.run_source, name) for name in names]
                if not self.off:
                    jobs += [pool.submit(self.run_load, number) for number in range(len(LOADS))]
                for job in jobs:
                    job.result()
            ended = time.monotonic()
            rest = QUIET_SECONDS if quiet is None else max(0, calm + WINDOW_SECONDS - ended)
            until(lambda: time.monotonic() > ended + rest, what="a window of load")
            neighbour.finish()
            if quiet is None:  # the machine may have others to serve: the worse of before and after
                quiet = max(neighbour.p99(begun + 0.5, calm), neighbour.p99(ended + 0.5, ended + rest))
            self.judge(neighbour, quiet)
            return quiet
        finally:
            self.gateway.remove()

    def judge(self, neighbour, quiet):
        active = self.layers()
        limit = 2 * quiet + 50
        for act, said, begun, ended in self.results:
            p99 = neighbour.p99(begun, ended)
            name, layer, evidence = act if isinstance(act, tuple) else (act.name,) + act.steps[self.off]
            needed = set(layer.split(" or ")) & LAYERS
            if needed and not needed & active:
                skip(name, self.off, "no %s on this machine" % layer)
                continue
            note(bool(re.search(evidence, said)), name, self.off, layer, said, p99)
            if p99 > limit:
                self.slow.append((name, "%.0f ms, limit %.0f ms" % (p99, limit)))
        off = set(self.off.split(",")) & active
        note(not off, "layers that workers name", self.off, "probing", " ".join(sorted(active)))
        self.judge_neighbour(neighbour, quiet)

    def judge_neighbour(self, neighbour, quiet):
        def delivered():
            with open(os.path.join(self.gateway.folder, "out.ndjson")) as file:
                return [json.loads(line)["subject"] for line in file if line.endswith("\n")]

        name = "the neighbour, %d messages" % neighbour.sent
        note(not neighbour.errors, name, self.off, "no error", "; ".join(neighbour.errors[:3]) or "no error")
        try:
            until(lambda: len(delivered()) >= neighbour.sent, 20, "delivery")
        except AssertionError:
            pass
        subjects = delivered()
        note(len(subjects) == neighbour.sent and len(set(subjects)) == neighbour.sent, name, self.off, "nothing lost",
             "%d records, %d different" % (len(subjects), len(set(subjects))))
        print("without %s: %d messages of the neighbour, p99 %.1f ms of quiet %.1f ms, %d acts" % (
            self.off or "nothing", neighbour.sent, neighbour.p99(neighbour.samples[0][0], neighbour.samples[-1][0]), quiet,
            len(self.results)))


def run_campaign(off, quiet=None):
    """Once more if the neighbour was slow: the machine may have been busy with something else."""
    campaign = Campaign(off)
    quiet = campaign.run(quiet)
    if campaign.slow:
        print("without %s: again, since the neighbour was slow: %s" % (off or "nothing", campaign.slow[0]))
        campaign = Campaign(off)
        quiet = campaign.run(None)
    for name, shown in campaign.slow:
        note(False, name, off, "the neighbour's p99", shown)
    return quiet


def check_release():
    """The program that is installed knows no such switch."""
    gateway = Gateway(source("neighbour", os.path.join(BUILD, "tests/plugins/neighbour.so")), destination())
    gateway.environment = {"ENTREPOT_TEST_SANDBOX_OFF": "seccomp,rlimits"}
    try:
        gateway.start()
        gateway.post("neighbour", b"one", {"Prefer": "wait=20"})
        log = gateway.read_log().decode()
        note("rlimits" in log and "seccomp" in log, "the switch in a release", "", "none needed", "it is not there")
    finally:
        gateway.remove()


def print_table():
    print("\n%-40s %-24s %-20s %8s  %s" % ("act", "layers off", "held by", "p99 ms", "shown by"))
    for act, off, layer, shown, p99 in table:
        print("%-40s %-24s %-20s %8s  %s" % (act, off, layer, "" if p99 is None else "%.1f" % p99, shown[:110]))


def main():
    begun = time.monotonic()
    check_files(["abi", "no-note", "lying-size", "truncated", "32-bit", "text", "empty"])
    check_files(["dependency", "liar"])  # sound to look at: what is wrong with them shows when they are loaded
    check_release()
    quiet = run_campaign("")
    for off in sorted({off for act in ACTS for off in act.steps} - {""}):
        run_campaign(off, quiet)
    print_table()
    print("%.0f s; held by %s means that an attack went through, as it must without these layers" % (
        time.monotonic() - begun, NOTHING))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    sys.exit(failed != 0)


main()
