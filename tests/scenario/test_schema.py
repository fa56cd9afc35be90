"""`entrepot schema`: valid JSON, a schema that says what the contract says, clear refusals."""
import json
import subprocess
import sys

entrepot = sys.argv[1] + "/entrepot"
TYPES = ["order", "payment", "statement", "settlement", "shipment", "tracking_event", "inventory_position",
         "stock_movement", "return", "insurance_policy", "insurance_claim"]
passed = failed = 0


def check(name, good, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"schema: {name}: {detail}")


def run(*arguments):
    return subprocess.run([entrepot, "schema", *arguments], capture_output=True, text=True, timeout=30)


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def resolves(schema, reference):
    at = schema
    for part in reference.removeprefix("#/").split("/"):
        if part not in at:
            return False
        at = at[part]
    return True


whole = None
for arguments in [[]] + [[name] for name in TYPES]:
    name = arguments[0] if arguments else "all"
    result = run("--format", "json-schema", *arguments)
    check(name + " exits 0", result.returncode == 0, result.stderr)
    try:
        schema = json.loads(result.stdout)
    except ValueError as error:
        check(name + " is JSON", False, str(error))
        continue
    check(name + " names its dialect", schema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
    missing = [r for r in references(schema) if not resolves(schema, r)]
    check(name + " has what it refers to", not missing, missing)
    if not arguments:
        whole = schema
        check("all has every type", all(t in schema["$defs"] for t in TYPES))
        continue
    check(name + " is in the whole", whole and whole["$defs"][name]["properties"] == schema["properties"])
    check(name + " has its id", schema["$id"] == f"urn:entrepot:schema:{name}:v1", schema["$id"])
    check(name + " requires its key", "required" in schema or "anyOf" in schema)

order = json.loads(run("--format=json-schema", "order").stdout)
check("money", order["properties"]["total"]["$ref"] == "#/$defs/money")
check("lines", "sku" in order["properties"]["lines"]["items"]["properties"])
check("quality", order["properties"]["quality"]["$ref"] == "#/$defs/quality")
check("required", order["required"] == ["order_no"], order["required"])

for arguments, says in [(["--format", "sql"], "reserved"), (["--format", "markdown", "order"], "reserved"),
                        (["--format", "xml"], "unknown"), ([], "--format is missing"),
                        (["--format", "json-schema", "orders"], "there is no type 'orders'"),
                        (["--format", "json-schema", "order", "x"], "'x' isn't expected"), (["--nonsense"], "Usage")]:
    result = run(*arguments)
    check(f"{arguments} is refused", result.returncode == 64 and not result.stdout, result)
    check(f"{arguments} says why", says in result.stderr, result.stderr)
result = run("--help")
check("help", result.returncode == 0 and "insurance_claim" in result.stdout and not result.stderr)

print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
