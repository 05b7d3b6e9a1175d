"""SIRS criteria as a stdio-json model: one JSON line in, one JSON line out. A sample, not for clinical use; see card.md.

Values are decimals, never binary fractions: a temperature of exactly 38 is not above 38.
"""
import json
import sys
from decimal import Decimal

TESTS = {
    "temp": lambda v: v > 38 or v < 36,
    "hr": lambda v: v > 90,
    "rr": lambda v: v > 20,
    "paco2": lambda v: v < 32,
    "wbc": lambda v: v > 12 or v < 4,
    "bands": lambda v: v > 10,
}
GROUPS = {"temp": ("temp",), "hr": ("hr",), "resp": ("rr", "paco2"), "white": ("wbc", "bands")}


def answer(inputs):
    values = {name: Decimal(str(given["v"])) for name, given in inputs.items()}
    met = {group: any(TESTS[n](values[n]) for n in names if n in values) for group, names in GROUPS.items()}
    # What was not sent could only matter where nothing that was sent decides the criterion.
    unknown = [n for group, names in GROUPS.items() if not met[group] for n in names if n not in values]
    criteria = sum(met.values())
    return {"criteria": criteria, "positive": criteria >= 2, "met": met, "unknown": unknown}


for line in sys.stdin:
    request = json.loads(line, parse_float=Decimal)
    try:
        reply = {"output": answer(request["inputs"])}
    except (ArithmeticError, KeyError, TypeError, ValueError):
        reply = {"error": {"code": "UNSUITABLE", "message": "an input is missing or out of its range", "retry": False}}
    print(json.dumps({"id": request["id"], **reply}), flush=True)
