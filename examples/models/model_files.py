"""The shock index by the contract `files`: the request is a file, and so is the answer. An example, not for clinical use."""
import json
import os

with open(os.environ["LAZARET_INPUT"]) as file:
    request = json.load(file)
inputs = request["inputs"]
try:
    index = inputs["hr"]["v"] / inputs["sbp"]["v"]
    reply = {"output": {"index": round(index, 6), "raised": index > 0.9}}
except (KeyError, ZeroDivisionError):
    reply = {"error": {"code": "UNSUITABLE", "message": "an input is missing"}}
print("what is printed is for the vendor's log")
with open(os.environ["LAZARET_OUTPUT"], "w") as file:
    json.dump({"id": request["id"], **reply}, file, indent=2)
