"""What a partner sees over HTTP and in a drop folder: verification, errors, outcomes, bounds."""

import json
import os
import socket
import unittest

from gateway import SHOP, Gateway, Receiver, main, order, platform, until

BANK = '{ name = "bank"; plugin = "camt"; verify = { scheme = "bearer"; secret = "file:bank.token"; }; %s }'
STATEMENT = (b'<Document><BkToCstmrStmt><GrpHdr/><Stmt><Id>%s</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>'
             b'<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry></Stmt></BkToCstmrStmt>'
             b'</Document>')


class Intake(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)

    def gateway(self, sources, settings=""):
        gateway = Gateway(sources, platform(self.receiver), settings)
        self.addCleanup(gateway.remove)
        token = os.path.join(gateway.folder, "bank.token")
        with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("tok-123\n")
        return gateway.start()

    def test_unknown_source_and_wrong_secret_look_alike(self):
        gateway = self.gateway(SHOP)
        unknown = gateway.post("nobody", b"{}")
        wrong = gateway.post("shop", b"{}", {"X-Shopify-Hmac-Sha256": "AAAA"})
        missing = gateway.post("shop", b"{}")
        for name in ("Shop", "no_such", "%73hop", "-", "x" * 300):  # no source can be called so
            self.assertEqual(gateway.post(name, b"{}")[2], missing[2], name)
            self.assertEqual(gateway.request("GET", "/in/%s/messages/%s" % (name, "0" * 32))[0], 401, name)
        self.assertEqual([answer[0] for answer in (unknown, wrong, missing)], [401, 401, 401])
        self.assertEqual(unknown[2], wrong[2])
        self.assertEqual(wrong[2], missing[2])
        self.assertEqual(unknown[1]["Content-Type"], "application/problem+json")
        self.assertEqual(unknown[2]["code"], "unauthorized")

    def test_outcome_query_is_for_the_same_partner_only(self):
        gateway = self.gateway(BANK % "" + ',\n{ name = "other"; plugin = "camt"; verify = { scheme = "none"; }; }')
        bearer = {"Authorization": "Bearer tok-123"}
        receipt = gateway.post("bank", STATEMENT % b"S1", bearer)[2]
        path = "/in/bank/messages/" + receipt["message_id"]
        outcome = until(lambda: (lambda a: a[2] if a[2].get("outcome") == "normalized" else None)(
            gateway.request("GET", path, headers=bearer)))
        self.assertEqual((outcome["records"], outcome["rejected"]), (2, []))
        self.assertEqual(gateway.request("GET", path)[0], 401)
        self.assertEqual(gateway.request("GET", path.replace("bank", "other"))[0], 404)
        self.assertEqual(gateway.request("GET", "/in/bank/messages/" + "0" * 32, headers=bearer)[0], 404)

    def test_idempotency_key(self):
        gateway = self.gateway(BANK % "")
        headers = {"Authorization": "Bearer tok-123", "Idempotency-Key": "k1"}
        first = gateway.post("bank", STATEMENT % b"S1", headers)[2]
        again = gateway.post("bank", STATEMENT % b"S1", headers)[2]
        self.assertEqual((again["message_id"], again["duplicate"]), (first["message_id"], True))
        status, _, problem = gateway.post("bank", STATEMENT % b"S2", headers)
        self.assertEqual((status, problem["code"]), (422, "idempotency-conflict"))

    def test_body_max_and_method(self):
        gateway = self.gateway(BANK % 'body_max = "1kB";')
        bearer = {"Authorization": "Bearer tok-123"}
        self.assertEqual(gateway.post("bank", b"x" * 1001, bearer)[0], 413)
        status, headers, _ = gateway.request("DELETE", "/in/bank", headers=bearer)
        self.assertEqual((status, headers["Allow"] is not None), (405, True))
        self.assertEqual(gateway.request("GET", "/nothing")[0], 404)

    def test_body_over_a_mebibyte_is_spooled(self):
        gateway = self.gateway(BANK % "")
        body = (STATEMENT % b"S3").replace(b"<GrpHdr/>", b"<GrpHdr/>" + b" " * (3 << 20))
        status, _, outcome = gateway.post("bank", body, {"Authorization": "Bearer tok-123", "Prefer": "wait=20"})
        self.assertEqual((status, outcome["outcome"], outcome["records"]), (200, "normalized", 2))

    def test_no_room_is_told_without_naming_files(self):
        gateway = self.gateway(BANK % "", 'journal = { spool_max = "2MiB"; };')
        status, headers, problem = gateway.post("bank", b" " * (3 << 20), {"Authorization": "Bearer tok-123"})
        self.assertEqual((status, problem["code"], headers["Retry-After"]), (503, "disk-full", "30"))
        self.assertNotIn("/", problem.get("detail", ""))
        self.assertIn(b'messages are refused code="disk-full"', gateway.read_log())

    def test_pipelined_and_chunked_requests(self):
        gateway = self.gateway(BANK % "")
        body = STATEMENT % b"S4"
        head = b"POST /in/bank HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tok-123\r\n"
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        plain = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
            connection.sendall(chunked + plain)
            answer = b""
            while answer.count(b"HTTP/1.1 202") < 2:
                piece = connection.recv(65536)
                self.assertTrue(piece, answer)
                answer += piece
        self.assertEqual((answer.count(b'"duplicate":false'), answer.count(b'"duplicate":true')), (1, 1))

    def test_malformed_heads_are_refused(self):
        gateway = self.gateway(BANK % "")
        for head in (b"POST /in/bank HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                     b"POST /in/bank HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                     b"POST /in/bank HTTP/1.1\r\nHost : x\r\nContent-Length: 0\r\n\r\n",
                     b"POST /in/bank HTTP/1.1\nHost: x\nContent-Length: 0\n\n"):
            with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
                connection.sendall(head)
                self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 400"), head)

    def test_drop_folder(self):
        gateway = Gateway(BANK % 'drop = { directory = "in"; stable_for = "100ms"; };', platform(self.receiver))
        self.addCleanup(gateway.remove)
        with open(os.open(os.path.join(gateway.folder, "bank.token"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("t")
        folder = os.path.join(gateway.folder, "in")
        os.mkdir(folder)
        with open(os.path.join(folder, "before.xml"), "wb") as file:
            file.write(STATEMENT % b"D1")
        gateway.start()
        with open(os.path.join(gateway.folder, "moved"), "wb") as file:
            file.write(STATEMENT % b"D2")
        os.rename(os.path.join(gateway.folder, "moved"), os.path.join(folder, "moved.xml"))
        with open(os.path.join(folder, "broken.xml"), "wb") as file:
            file.write(b"<Document>")
        os.symlink("/etc/passwd", os.path.join(folder, "link.xml"))
        until(lambda: sorted(os.listdir(os.path.join(folder, "done"))) == ["before.xml", "moved.xml"]
              if os.path.isdir(os.path.join(folder, "done")) else False, what="two files done")
        reason = os.path.join(folder, "failed", "broken.xml.reason.json")
        until(lambda: os.path.exists(reason), what="a reason")
        with open(reason) as file:
            self.assertEqual(json.load(file)["outcome"], "quarantined")
        until(lambda: len(self.receiver.of_type("statement")) == 2)
        self.assertTrue(os.path.islink(os.path.join(folder, "link.xml")))


if __name__ == "__main__":
    main()
