"""Starts the emulator and speaks its control interface; for tests and demonstrations."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
STOP_LIMIT_S = 10


class Emulator:
    """One running emulator.  Start it from a thread that lives as long as it should."""

    def __init__(self, *arguments, stderr=None):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "azure.py"), *arguments],
            stdout=subprocess.PIPE, stderr=stderr, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the emulator ended with status {self.process.wait()}")
        ready = json.loads(line)
        self.port, self.url = ready["port"], ready["url"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def control(self, method, what, body=None, /, *, timeout_s=30, **query):
        """(status, JSON or None) of a call to /_emulator."""
        text = urllib.parse.urlencode({name: value for name, value in query.items()
                                       if value is not None})
        request = urllib.request.Request(
            f"{self.url}/_emulator/{what}?{text}", method=method,
            data=None if method == "GET" else json.dumps(body).encode())
        try:
            with NO_PROXY.open(request, timeout=timeout_s) as answer:
                status, data = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, data = error.code, error.read()
        return status, json.loads(data) if data else None

    def asked(self, method, what, body=None, /, **query):
        status, value = self.control(method, what, body, **query)
        if status >= 400:
            raise RuntimeError(f"{method} {what}: {status} {value}")
        return value

    def calls(self, since=0):
        return self.asked("GET", "calls", since=since)

    def cards(self):
        return self.asked("GET", "cards")

    def tickets(self):
        return self.asked("GET", "tickets")

    def state(self):
        return self.asked("GET", "state")

    def resource(self, resource_id):
        """The resource as it is now, or None."""
        status, value = self.control("GET", "resource", id=resource_id)
        return value if status == 200 else None

    def put_resource(self, resource_id, resource):
        return self.asked("PUT", "resource", resource, id=resource_id)

    def change_resource(self, resource_id, **changes):
        """Merges the changes into it (None removes)."""
        return self.asked("PATCH", "resource", changes, id=resource_id)

    def delete_resource(self, resource_id):
        return self.asked("DELETE", "resource", id=resource_id)

    def fault(self, **order):
        self.asked("POST", "faults", order)

    def clear_faults(self):
        self.asked("DELETE", "faults")

    def wait(self, method=None, path=None, status=None, count=1, timeout=10, **more):
        """The matching calls, once `count` of them were answered; TimeoutError otherwise."""
        code, found = self.control("GET", "wait", timeout_s=timeout + 20, method=method, path=path,
                                   status=status, count=count, timeout=timeout, **more)
        if code == 408:
            raise TimeoutError(f"{found['seen']} of {count} calls {method} {path} {status}")
        if code != 200:
            raise RuntimeError(found)
        return found["calls"]

    def settings(self, **changes):
        return self.asked("POST", "settings", changes)

    def reset(self):
        self.asked("POST", "reset")

    def expire_tokens(self):
        self.asked("POST", "tokens/expire")

    def token(self, **order):
        """A signed token such as Event Grid sends, or a forged one."""
        return self.asked("POST", "tokens", order)["token"]

    def keys(self, **order):
        return self.asked("POST", "keys", order)

    def application(self, **order):
        """Registers an application, or changes one."""
        return self.asked("POST", "applications", order)


NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
