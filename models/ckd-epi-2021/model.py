"""CKD-EPI 2021 (creatinine, race-free) as a stdio-json model: one JSON line in, one JSON line out.

A sample, not for clinical use; see card.md. The result is reported as it comes from the formula; the whole number beside it
is rounded half up, and the KDIGO stage is taken from that whole number.
"""
import json
import math
import sys

KAPPA = {"female": 0.7, "male": 0.9}
ALPHA = {"female": -0.241, "male": -0.302}
STAGES = ((90, "G1"), (60, "G2"), (45, "G3a"), (30, "G3b"), (15, "G4"), (0, "G5"))


def egfr(scr, age, sex):
    ratio = scr / KAPPA[sex]
    value = 142 * min(ratio, 1) ** ALPHA[sex] * max(ratio, 1) ** -1.2 * 0.9938 ** age
    return value * 1.012 if sex == "female" else value


def answer(inputs):
    value = egfr(float(inputs["scr"]["v"]), int(inputs["age"]["v"]), inputs["sex"]["v"])
    reported = math.floor(value + 0.5)
    stage = next(name for least, name in STAGES if reported >= least)
    return {"egfr": value, "reported": reported, "stage": stage}


for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = {"output": answer(request["inputs"])}
    except (ArithmeticError, KeyError, TypeError, ValueError):
        reply = {"error": {"code": "UNSUITABLE", "message": "an input is missing or out of its range", "retry": False}}
    print(json.dumps({"id": request["id"], **reply}), flush=True)
