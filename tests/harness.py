"""A running gridwarden for scenario tests, the demo and the benchmark.

Everything lives in one temporary folder; ports are free ones chosen by the system.  Waiting is done
on the daemon's own log lines, which it writes after the commit they speak of.
"""

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "emulator"))
BINARY = Path(os.environ.get("GRIDWARDEN", ROOT / "build/release/gridwarden")).resolve()

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
SHOP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop/providers"
KEY = "a-shared-key-of-this-test-run"
LIMIT_S = 60  # a loaded machine is slow; a test that waits this long has failed


def vm(name):
    return f"{SHOP}/Microsoft.Compute/virtualMachines/{name}"


def nic(name):
    return f"{SHOP}/Microsoft.Network/networkInterfaces/{name}"


def flat_alert(name="Suspicious process executed", severity="High", machine="web-01", **more):
    """The article's payload."""
    return {
        "alertName": name,
        "severity": severity,
        "status": "Active",
        "startTimeUtc": "2026-11-23T03:12:45.1234567Z",
        "resourceIdentifiers": [{"azureResourceId": vm(machine)}],
        **more,
    }


def event_grid(data, event_id=None, event_type="Microsoft.Security.Alert", topic=None):
    """One event in Event Grid schema, as it is delivered: in an array."""
    return [{
        "id": event_id or str(uuid.uuid4()),
        "topic": topic or f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-soc/providers/"
                          "Microsoft.EventGrid/topics/defender",
        "subject": "defender/alerts",
        "eventType": event_type,
        "eventTime": "2026-11-23T03:12:46.1234567Z",
        "data": data,
        "dataVersion": "1.0",
        "metadataVersion": "1",
    }]


def make_certificate(folder, names="DNS:localhost,IP:127.0.0.1", days=30, purpose=None):
    folder = Path(folder)
    purposes = ["-addext", f"extendedKeyUsage={purpose}"] if purpose else []
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", str(days), "-subj", "/CN=localhost", "-addext", f"subjectAltName={names}",
         *purposes, "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "fullchain.pem", folder / "privkey.pem"


class Gridwarden:
    """The daemon with its folder.  start() and stop() may be called again and again."""

    def __init__(self, folder, azure_url, rules=None, binary=BINARY, env=None, **settings):
        self.folder = Path(folder)
        self.azure_url = azure_url
        self.binary = str(binary)
        self.env = dict(os.environ, **(env or {}))
        self.settings = settings
        self.config = self.folder / "gridwarden.yaml"
        self.process = None
        self.sockets = {}  # name: a listening socket that is handed over as systemd does
        self.lines = []
        self._news = threading.Condition()
        self._write_files(rules)

    # ---- files ----

    def _write_files(self, rules):
        make_certificate(self.folder)
        (self.folder / "key").write_text(KEY + "\n")
        (self.folder / "teams-url").write_text(
            f"{self.azure_url}/teams/workflows/soc?api-version=1&sig=Zm9yLXRlc3RzLW9ubHk\n")
        (self.folder / "legacy-url").write_text(f"{self.azure_url}/webhookb2/soc\n")
        (self.folder / "rules.d").mkdir()
        if rules is None:
            for path in sorted((ROOT / "config/rules.d").glob("*.yaml")):
                (self.folder / "rules.d" / path.name).write_text(path.read_text())
            shutil.copytree(ROOT / "config/samples", self.folder / "samples")
        else:
            self.write_rules(rules)
        self.write_settings()

    def write_rules(self, text, name="10-rules.yaml"):
        (self.folder / "rules.d" / name).write_text(text)

    def write_settings(self, **changes):
        self.settings.update(changes)
        base = {
            "listen": {"address": "127.0.0.1:0", "path": "/api/events",
                       "certificate": "fullchain.pem", "private_key": "privkey.pem"},
            "operations": "127.0.0.1:0",
            "socket": "gridwarden.sock",
            "auth": {"keys_file": ["key"], "subscriptions": ["soc-alerts"]},
            "inbox": "inbox",
            "store": "sqlite:gridwarden.db",
            "azure": {
                "cloud": {"resource_manager": self.azure_url,
                          "audience": "https://management.azure.com/",
                          "login": self.azure_url, "imds": self.azure_url,
                          "defender": self.azure_url},
                "credential": {"type": "managed_identity"}},
            "rules": "rules.d",
            "channels": {"soc": {"type": "teams", "format": "adaptive_card",
                                 "url_file": "teams-url"}},
            "report_wait": "20s",
        }
        for key, value in self.settings.items():
            if isinstance(value, dict) and isinstance(base.get(key), dict):
                base[key] = {**base[key], **value}
            else:
                base[key] = value
        # JSON is YAML.
        self.config.write_text(json.dumps(base, indent=2) + "\n")

    # ---- process ----

    def launch(self, **env):
        """Start without waiting for anything."""
        self.lines = []
        handed = ",".join(f"{name}={s.fileno()}" for name, s in self.sockets.items())
        launcher = [sys.executable, str(ROOT / "tests/activate.py"), handed] if handed else []
        self.process = subprocess.Popen(
            [*launcher, self.binary, "serve", "--config", str(self.config)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            pass_fds=[s.fileno() for s in self.sockets.values()], env={**self.env, **env})
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def start(self, **env):
        self.launch(**env)
        line = self.wait_line(lambda line: " ready: port " in line["message"])
        words = line["message"].replace(",", " ").split()
        self.port = int(words[words.index("port") + 1])
        self.operations_port = int(words[words.index("operations") + 2])
        return self

    def _read(self, process):
        for raw in process.stderr:
            try:
                line = json.loads(raw)
            except ValueError:
                line = {"level": "raw", "message": raw.decode(errors="replace").rstrip()}
            with self._news:
                self.lines.append(line)
                self._news.notify_all()
        with self._news:
            self.lines.append({"level": "end", "message": "(the process has ended)"})
            self._news.notify_all()

    def wait_line(self, wanted, limit_s=LIMIT_S, since=0):
        """The first log line that `wanted` says yes to; the daemon's end is a failure."""
        deadline = time.monotonic() + limit_s
        seen = since
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    seen += 1
                    if wanted(line):
                        return line
                    if line["level"] == "end":
                        raise AssertionError("gridwarden ended:\n" + self.log())
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError("waited in vain:\n" + self.log())
                self._news.wait(left)

    def wait_step(self, action, state="done", count=1, undo=False, **fields):
        """Until `count` steps of this action are settled in this state."""
        message = f"{'undo of ' if undo else ''}{action} {state}"
        seen = []

        def wanted(line):
            if line["message"] == message and all(
                    line.get(k) == v for k, v in fields.items()):
                seen.append(line)
            return len(seen) == count
        return self.wait_line(wanted)

    def log(self):
        return "\n".join(json.dumps(line) for line in self.lines)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()

    def wait_end(self, limit_s=LIMIT_S):
        code = self.process.wait(limit_s)
        self._reader.join()
        return code

    def stop(self):
        """End politely; the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.wait_end()
        self.process.stderr.close()
        self.process = None
        return code

    def reload(self):
        since = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        return self.wait_line(
            lambda line: line["message"].startswith(("configuration reloaded",
                                                     "configuration not reloaded")), since=since)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *exc):
        self.stop()

    # ---- as Event Grid ----

    def tls(self):
        context = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        return context

    def connection(self):
        return http.client.HTTPSConnection("localhost", self.port, context=self.tls(),
                                           timeout=LIMIT_S)

    def request(self, method, path="/api/events", body=None, headers=None, code=KEY):
        if code is not None:
            path += ("&" if "?" in path else "?") + "code=" + code
        if isinstance(body, (list, dict)):
            body = json.dumps(body)
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, dict((k.lower(), v) for k, v in answer.getheaders()),
                          answer.read())
        finally:
            connection.close()

    def deliver(self, body, code=KEY, **headers):
        base = {"Content-Type": "application/json; charset=utf-8",
                "aeg-event-type": "Notification", "aeg-subscription-name": "SOC-ALERTS"}
        base.update({k.replace("_", "-"): v for k, v in headers.items()})
        return self.request("POST", body=body, headers=base, code=code)

    def operations(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.operations_port,
                                                timeout=LIMIT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    # ---- as a person ----

    def run(self, *arguments, input=None):
        return run_gridwarden(*arguments, binary=self.binary, input=input)

    def ask(self, *arguments):
        """A command of the running daemon, as JSON."""
        result = self.run(*arguments, "-o", "json", "--config", str(self.config))
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def alerts(self):
        return self.ask("alerts")

    def actions(self, name=None):
        return [s for s in self.ask("actions", "-n", "1000") if name in (None, s["action"])]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"Answer({self.status}, {self.headers}, {self.body!r})"


def run_gridwarden(*arguments, binary=BINARY, input=None, cwd=None):
    return subprocess.run([str(binary), *map(str, arguments)], input=input, text=True,
                          capture_output=True, cwd=cwd, timeout=LIMIT_S,
                          env=dict(os.environ, NO_COLOR="1"))
