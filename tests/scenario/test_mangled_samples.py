#!/usr/bin/env python3
"""test_mangled_samples.py BUILD [PLUGIN...]: every plugin on its samples, cut at every byte and with bytes changed.

Whatever comes in, a plugin gives records or an error with a place. It fails here if `entrepot normalize` ends with
anything but 0 or 65 (a worker that died is 70), if an error says that the plugin broke a rule of its interface, or if
what is printed isn't one event a line. SEED=N changes other bytes; ROUNDS=N is how many times each sample is changed.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CUTS_MAX = 1500  # of one sample
FILES_A_RUN = 400
TIMEOUT_S = 120
MARKS = b'*~|;,:\t\n\r\0 "\'<>&{}[]\\A09-+.\xe2\xff'


def cuts(text):
    step = max(1, len(text) // CUTS_MAX)
    return [text[:end] for end in range(0, len(text), step)]


def changed(text, chance):
    data = bytearray(text)
    for _ in range(chance.randint(1, 6)):
        if not data:
            break
        at = chance.randrange(len(data))
        what = chance.randint(0, 3)
        if what == 0:
            data[at] = chance.choice(MARKS)
        elif what == 1:
            del data[at:at + chance.randint(1, 30)]
        elif what == 2:
            begin = chance.randrange(len(data))
            data[at:at] = data[begin:begin + chance.randint(1, 60)]
        else:
            data[at:at] = bytes([chance.choice(MARKS)]) * chance.choice([1, 1, 2, 200])
    return bytes(data)


def arguments(samples, name):
    """The options and headers of a sample, as normalize takes them."""
    given = []
    for ending, flag in ((".options", "-o"), (".headers", "--header")):
        path = os.path.join(samples, name + ending)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for line in file.read().splitlines():
                    given += [flag, line]
    return given


def complaint(program, plugin, given, files):
    """What is wrong with how these files were taken, or None."""
    done = subprocess.run([program, "normalize", plugin] + given + files, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=TIMEOUT_S)
    errors = done.stderr.decode("utf-8", "replace")
    if done.returncode not in (0, 65):
        return f"status {done.returncode}\n{errors[-2000:]}"
    for line in errors.splitlines():
        if ": plugin-" in line or ": internal: " in line:
            return line
    for line in done.stdout.splitlines():
        if json.loads(line)["specversion"] != "1.0":
            return "a line that is no event"
    return None


def mangle(build, plugin, samples, name, seed, rounds, folder):
    with open(os.path.join(samples, name + ".in"), "rb") as file:
        text = file.read()
    chance = random.Random(f"{seed}/{plugin}/{name}")
    files = []
    for number, bad in enumerate(cuts(text) + [changed(text, chance) for _ in range(rounds)]):
        path = os.path.join(folder, f"{name}.{number:05d}")
        with open(path, "wb") as file:
            file.write(bad)
        files.append(path)
    given = arguments(samples, name)
    for begin in range(0, len(files), FILES_A_RUN):
        wrong = complaint(os.path.join(build, "entrepot"), plugin, given, files[begin:begin + FILES_A_RUN])
        if wrong:
            return wrong
    return None


def main():
    build = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    seed, rounds = os.environ.get("SEED", "1"), int(os.environ.get("ROUNDS", "100"))
    passed = failed = 0
    for kind in sorted(os.listdir(os.path.join(ROOT, "plugins"))):
        for plugin in sorted(os.listdir(os.path.join(ROOT, "plugins", kind))):
            samples = os.path.join(ROOT, "plugins", kind, plugin, "samples")
            if (wanted and plugin not in wanted) or not os.path.isdir(samples):
                continue
            for name in sorted(file[:-3] for file in os.listdir(samples) if file.endswith(".in")):
                with tempfile.TemporaryDirectory() as folder:
                    wrong = mangle(build, plugin, samples, name, seed, rounds, folder)
                if wrong:
                    failed += 1
                    print(f"mangled: {plugin}: {name}: {wrong}")
                else:
                    passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
