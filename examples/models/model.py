"""The shock index: one JSON line in, one JSON line out, until the input ends. An example, not for clinical use."""
import json
import sys

for line in sys.stdin:
    request = json.loads(line)
    inputs = request["inputs"]
    print(json.dumps({"id": request["id"], "progress": 0.5}), flush=True)  # how far it is; for work that takes seconds
    try:
        index = inputs["hr"]["v"] / inputs["sbp"]["v"]
        reply = {"output": {"index": round(index, 6), "raised": index > 0.9}}
    except (KeyError, ZeroDivisionError):
        reply = {"error": {"code": "UNSUITABLE", "message": "an input is missing"}}
    print(json.dumps({"id": request["id"], **reply}), flush=True)
