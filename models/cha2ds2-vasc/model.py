"""CHA2DS2-VASc as a stdio-json model: one JSON line in, one JSON line out. A sample, not for clinical use; see card.md."""
import json
import sys

WEIGHT = {"heart-failure": 1, "hypertension": 1, "diabetes": 1, "stroke": 2, "vascular": 1}


def of_age(years):
    return 2 if years >= 75 else 1 if years >= 65 else 0


def answer(inputs):
    points = {name: weight * int(inputs[name]["v"] is True) for name, weight in WEIGHT.items()}
    points["age"] = of_age(int(inputs["age"]["v"]))
    points["sex"] = int(inputs["sex"]["v"] == "female")
    return {"score": sum(points.values()), "points": points}


for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = {"output": answer(request["inputs"])}
    except (KeyError, TypeError, ValueError):
        reply = {"error": {"code": "UNSUITABLE", "message": "an input is missing or out of its range", "retry": False}}
    print(json.dumps({"id": request["id"], **reply}), flush=True)
