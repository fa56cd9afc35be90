"""The unified format's numbers, names and types: what was released can't change, what is added may."""
import os
import re
import subprocess
import sys

schema = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "sdk", "schema")
out = os.path.join(sys.argv[1], "released")
RECORDS = ["order", "payment", "statement", "settlement", "shipment", "tracking_event", "inventory_position",
           "stock_movement", "return", "insurance_policy", "insurance_claim"]
FILES = ["released.lock", "errors.def", "quality.def"] + [record + ".def" for record in RECORDS]
passed = failed = 0


def generate(kind, changes):
    """Runs generate.awk on the declarations with some of them changed: {file: (pattern, replacement)}."""
    os.makedirs(out, exist_ok=True)
    for name in FILES:
        with open(os.path.join(schema, name), encoding="utf-8") as file:
            text = file.read()
        if name in changes:
            text, count = re.subn(changes[name][0], changes[name][1], text, count=1, flags=re.MULTILINE)
            assert count == 1, name
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write(text)
    return subprocess.run(["awk", "-v", "out=" + kind, "-f", os.path.join(schema, "generate.awk")] +
                          [os.path.join(out, name) for name in FILES], capture_output=True, text=True, timeout=60)


def check(name, good, detail):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"released: {name}: {detail}")


def refused(name, changes, says):
    for kind in ["header", "tables"]:
        result = generate(kind, changes)
        check(f"{name} ({kind})", result.returncode != 0 and says in result.stderr, result.stderr or "was accepted")


result = generate("header", {})
check("as it stands", result.returncode == 0 and "EP_ORDER_ORDER_NO = 0x00010001" in result.stdout, result.stderr)
refused("a field's type", {"order.def": (r"^(4 +\| ordered_at \|) time", r"\1 text 40")}, "field order 4 ordered_at time")
refused("a field's name", {"order.def": (r"^(13 \|) payment_method", r"\1 method")}, "field order 13 payment_method text")
refused("a field that is gone", {"order.def": (r"^14 \|.*\n", "")}, "field order 14 source_status text")
refused("an enumerator", {"payment.def": (r"capture=1 refund=2", "capture=1 reversal=2")}, "enum payment_kind refund=2")
refused("a record's number", {"order.def": (r"^record \| order \| 1 ", "record | order | 99 ")}, "record 1 order")
refused("an error's code", {"errors.def": (r"\| columns \|", "| column |")}, "error 1 COLUMNS columns")
refused("an id given twice", {"order.def": (r"^(36) \|", "35 |")}, "given twice")
refused("an id over 4094", {"order.def": (r"\Z", "4095 | extra | bool | - | Extra | -\n")}, "1 to 4094")
result = generate("tables", {"order.def": (r"^key \| order_no", "key | number")})
check("a key that isn't declared", result.returncode != 0 and "number" in result.stderr, result.stderr or "was accepted")
result = generate("header", {"order.def": (r"\Z", "4000 | extra | bool | - | Extra | -\n")})
check("a new field", result.returncode == 0 and "EP_ORDER_EXTRA" in result.stdout, result.stderr)
result = generate("tables", {"order.def": (r"text 60 ", "text 80 ")})
check("a longer text", result.returncode == 0, result.stderr)

print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
