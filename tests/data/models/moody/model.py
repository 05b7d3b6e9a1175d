"""A model for tests: the number it is given says how it behaves. Its words on standard error must stay sealed."""
import json
import os
import sys
import time

request = json.loads(sys.stdin.readline())
mood = int(request["inputs"]["mood"]["v"])
print("vendor-canary-4be7", file=sys.stderr, flush=True)


def say(**reply):
    print(json.dumps({"id": request["id"], **reply}), flush=True)


if mood == 1:
    say(output={"mood": 1})
elif mood == 2:
    os.abort()
elif mood == 3:
    sys.exit(7)
elif mood == 4:
    time.sleep(60)
elif mood == 5:
    say(output={"mood": 11, "note": "body-canary-00dd"})
elif mood == 6:
    say(output={"mood": "body-canary-00dd"})
elif mood == 7:
    sys.stdout.write("x" * 1000000)
elif mood == 8:
    print("body-canary-00dd")
elif mood == 9:
    say(output={"mood": 9})
    say(output={"mood": 9})
elif mood == 10:
    print(json.dumps({"id": "another", "output": {"mood": 10}}))
elif mood == 11:
    say(error={"code": "UNSUITABLE", "message": "body-canary-00dd", "retry": False})
elif mood == 12:
    say(progress=0.5)
    say(output={"mood": 1, "seen": json.dumps([request, dict(os.environ), sorted(os.listdir("/"))])})
elif mood == 13:
    if os.fork():
        say(output={"mood": 1})
    else:
        time.sleep(60)
elif mood == 18:
    while True:
        try:
            os.fork()
        except OSError:
            pass
elif mood == 15:
    for share in (0.1, 0.501234, 0.2, 0.75):
        say(progress=share)
        time.sleep(0.35)
    say(output={"mood": 1})
elif mood == 16:
    for n in range(1, 1000):
        say(progress=n / 1000)
        if n == 500:
            time.sleep(0.4)
    time.sleep(0.4)
    say(output={"mood": 1})
elif mood == 17:
    for n in range(1001):
        say(progress=0)
    say(output={"mood": 1})
elif mood == 14:
    import signal

    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            pass
    if os.fork() == 0:
        os.setpgid(0, 0)
        os.fork()
    while True:
        pass
