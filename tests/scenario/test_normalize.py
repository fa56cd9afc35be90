"""`entrepot normalize`: its exit statuses, its lines on standard error, and what reaches the plugin."""

import json
import os
import subprocess
import tempfile
import unittest

from gateway import BUILD, main


def built(name):
    return os.path.join(BUILD, name)


class Normalize(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def run_it(self, plugin, *arguments, **options):
        if "/" not in plugin:
            plugin = built("tests/plugins/" + plugin + ".so")
        done = subprocess.run([built("entrepot"), "normalize", plugin, *arguments], capture_output=True, timeout=60,
                              **options)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def numbers(self, output):
        return [json.loads(line)["data"]["order_no"] for line in output.splitlines()]

    def test_records_are_events(self):
        path = self.write("in", b"A-1\nA-2\n")
        status, output, errors = self.run_it("neighbour", "-o", "prefix=x", "--source", "shop-a", path)
        self.assertEqual((status, errors), (0, ""))
        first = json.loads(output.splitlines()[0])
        self.assertEqual(first["source"], "urn:entrepot:source:shop-a")
        self.assertEqual((first["type"], first["subject"], first["revision"]), ("entrepot.order.v1", "xA-1", 1))
        self.assertNotIn("entrepotmessage", first)
        again = self.run_it("neighbour", "-o", "prefix=x", "--source", "shop-a", path)
        self.assertEqual(again, (status, output, errors))

    def test_several_files_and_standard_input(self):
        one, empty = self.write("one", b"1\n"), self.write("empty", b"")
        status, output, _ = self.run_it("neighbour", one, "-", empty, one, input=b"2\n3\n")
        self.assertEqual((status, self.numbers(output)), (0, ["1", "2", "3", "1"]))

    def test_headers_of_file_and_command_line(self):
        path = self.write("in", b"body\n")
        self.write("in.headers", b"POST /x HTTP/1.1\r\nX-Order:  from-file \r\nX-Other: 1\r\n\r\n")
        self.assertEqual(self.numbers(self.run_it("neighbour", path)[1]), ["from-file", "body"])
        given = self.run_it("neighbour", "--header", "X-ORDER: given", self.write("other", b""))
        self.assertEqual(self.numbers(given[1]), ["given"])

    def test_packed_body_is_refused_clearly(self):
        path = self.write("in", b"\x1f\x8b\x08")
        status, output, errors = self.run_it("neighbour", "--header", "Content-Encoding: gzip", path)
        self.assertEqual((status, output), (65, ""))
        self.assertIn("type-unknown: content encoding 'gzip' isn't unpacked", errors)

    def test_rejected_record(self):
        path = self.write("in", b"1\nreject me\n2\n")
        status, output, errors = self.run_it("neighbour", path)
        self.assertEqual((status, self.numbers(output)), (65, ["1", "2"]))
        self.assertEqual(errors, path + ": byte 2: value: reject me\n")

    def test_failed_message_prints_nothing(self):
        path = self.write("in", b"1\n2\nfail \x07bell\n3\n")
        status, output, errors = self.run_it("neighbour", path, self.write("good", b"9\n"))
        self.assertEqual((status, self.numbers(output)), (65, ["9"]))
        self.assertEqual(errors, path + ": byte 4: value: fail ?bell\n")

    def test_no_input(self):
        missing = os.path.join(self.folder, "missing")
        status, output, errors = self.run_it("neighbour", missing, self.write("good", b"9\n"))
        self.assertEqual((status, self.numbers(output)), (66, ["9"]))
        self.assertTrue(errors.startswith(missing + ": "), errors)
        self.assertEqual(self.run_it("neighbour", self.folder)[0], 66)

    def test_worker_died(self):
        path = self.write("in", b"null")
        status, output, errors = self.run_it("hostile", path, self.write("good", b"none"))
        self.assertEqual((status, self.numbers(output)), (70, ["done=0"]))
        self.assertTrue(errors.startswith(path + ": message: plugin-crash: plugin hostile 6.6.6 (build "), errors)

    def test_flood_leaves_nothing_behind(self):
        status, output, errors = self.run_it("hostile", self.write("in", b"flood"))
        self.assertEqual((status, output), (70, ""))
        self.assertIn("plugin-fault", errors)

    def test_usage(self):
        path = self.write("in", b"1\n")
        program = built("entrepot")
        for arguments in ([], ["normalize"], ["normalize", "camt"], ["normalize", "camt", "-o", "novalue", path],
                          ["normalize", "camt", "--source", "Big", path], ["normalise", "camt", path],
                          ["normalize", "camt", "--header", "none", path], ["normalize", "camt", "--nope", path]):
            done = subprocess.run([program, *arguments], capture_output=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (64, b""), arguments)
        self.assertIn(b"nearest: 'normalize'", subprocess.run([program, "normalise"], capture_output=True).stderr)
        done = subprocess.run([program, "normalize", "--help"], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"Usage: entrepot normalize PLUGIN", done.stdout)

    def test_refused_options_and_plugins(self):
        path = self.write("in", b"1\n")
        for plugin, arguments, text in (("neighbour", ["-o", "prefxi=1"], "prefix"), ("neighbour", ["-o", "zone=Nowhere"], "Nowhere"),
                                        ("neighbour", ["-o", "charset=klingon"], "klingon"), ("liar", [], "9.9.9"),
                                        (path, [], path), ("./nothing.so", [], "nothing.so")):
            status, output, errors = self.run_it(plugin, *arguments, path)
            self.assertEqual((status, output), (78, ""), errors)
            self.assertIn(text, errors)
            self.assertEqual(errors.count("\n"), 1, errors)  # said once

    def test_many_records_in_little_memory(self):
        path = self.write("in", b"".join(b"order-%d\n" % i for i in range(120000)))
        command = 'ulimit -d 65536; exec "$0" "$@"'
        done = subprocess.run(["sh", "-c", command, built("entrepot"), "normalize", built("tests/plugins/neighbour.so"), path],
                              capture_output=True, timeout=60)
        if "asan" not in BUILD:  # whose own memory doesn't fit
            self.assertEqual((done.returncode, done.stdout.count(b"\n")), (0, 120000), done.stderr[:500])

    def test_reader_that_leaves(self):
        path = self.write("in", b"".join(b"order-%d\n" % i for i in range(50000)))
        done = subprocess.run(["sh", "-c", '"$0" normalize "$1" "$2" | head -n 1', built("entrepot"),
                               built("tests/plugins/neighbour.so"), path], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout.count(b"\n")), (0, 1))

    def test_source_of_a_configuration(self):
        config = self.write("x.conf", ('''data_dir = "data"; plugin_dir = "%s";
            listeners = ( { address = "127.0.0.1:0"; } );
            sources = ( { name = "a"; plugin = "neighbour"; options = { prefix = "C-"; };
                          verify = { scheme = "none"; }; } );
            destinations = ( { name = "log"; transport = "file"; path = "out"; } );
            sandbox = { require = [ "seccomp" ]; };''' % built("tests/plugins")).encode())
        path = self.write("in", b"1\n")
        command = [built("entrepot"), "normalize", "--config", config, "--source", "a", "neighbour"]
        done = subprocess.run([*command, path], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, self.numbers(done.stdout.decode())), (0, ["C-1"]), done.stderr)
        done = subprocess.run([*command, "-o", "prefix=D-", path], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, self.numbers(done.stdout.decode())), (0, ["D-1"]), done.stderr)

    def test_a_plugin_outside_of_everybodys_reach(self):
        """Copied where only its owner may look: the worker's own user id doesn't matter."""
        private = os.path.join(self.folder, "private")
        os.mkdir(private, 0o700)
        with open(built("tests/plugins/neighbour.so"), "rb") as source:
            content = source.read()
        copy = os.path.join(private, "mine.so")
        with open(os.open(copy, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)
        self.assertEqual(self.run_it(copy, self.write("in", b"1\n"))[0], 0)


if __name__ == "__main__":
    main()
