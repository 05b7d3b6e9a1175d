"""qSOFA as a stdio-json model: one JSON line in, one JSON line out. A sample, not for clinical use; see card.md."""
import json
import sys


def altered(inputs):
    if "gcs" in inputs:
        return float(inputs["gcs"]["v"]) < 15
    return inputs["acvpu"]["v"] != "A"


def answer(inputs):
    points = {
        "rr": int(float(inputs["rr"]["v"]) >= 22),
        "sbp": int(float(inputs["sbp"]["v"]) <= 100),
        "mentation": int(altered(inputs)),
    }
    score = sum(points.values())
    return {"score": score, "positive": score >= 2, "points": points}


for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = {"output": answer(request["inputs"])}
    except (KeyError, TypeError, ValueError):
        reply = {"error": {"code": "UNSUITABLE", "message": "an input is missing or out of its range", "retry": False}}
    print(json.dumps({"id": request["id"], **reply}), flush=True)
