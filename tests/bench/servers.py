"""What is measured: a gridwarden, and beside it an nginx that only answers 200; both with the same
certificate, on loopback, with files of their own.  The system's nginx is not touched."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

LOAD = Path(os.environ.get("LOAD", harness.ROOT / "build/release/bench/load")).resolve()
MARK = "@" * 16  # load puts a number here
TICKS = os.sysconf("SC_CLK_TCK")

NGINX = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/fullchain.pem;
        ssl_certificate_key {folder}/privkey.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:bench:10m;
        location / {{ return 200; }}
    }}
}}
"""


def alert(spare=0):
    """A Defender alert as the export writes it, that no rule acts on; `spare` bytes longer."""
    event = json.loads((harness.ROOT / "tests/golden/alerts/export-event-grid.json").read_text())
    event = event[0] if isinstance(event, list) else event
    event["id"] = event["data"]["SystemAlertId"] = MARK
    event["data"].update(AlertDisplayName="Unusual sign-in", Severity="Informational")
    event["data"]["Description"] += " " + "." * spare
    return event


def body(count, size):
    """`count` such alerts in exactly `size` bytes."""
    def text(spare):
        return json.dumps([alert(spare) for _ in range(count)])
    return text((size - len(text(0))) // count).ljust(size)


class Process:
    """Figures of a process and of what it started."""

    def __init__(self, pid):
        self.pid = pid

    def pids(self):
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def cpu_s(self):
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def status_mb(self, name):
        return sum(int(re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
                   for pid in self.pids()) / 1024

    def resident_mb(self):
        return self.status_mb("VmRSS")

    def forget_peak(self):
        """From now on peak_mb() is about what comes."""
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_mb(self):
        return self.status_mb("VmHWM")

    def wakeups(self):
        """How often any thread has slept and been woken."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int(re.search(r"voluntary_ctxt_switches:\s+(\d+)",
                                 (task / "status").read_text())[1]) for task in tasks)


class Nginx(Process):
    def __init__(self, folder):
        self.folder = Path(folder)
        self.path = "/"
        self.port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, port=self.port))
        self.process = subprocess.Popen(["nginx", "-c", str(config), "-e", "/dev/null"],
                                        env=dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin"))
        super().__init__(self.process.pid)
        load(self, self.folder / "single.json", connections=1, count=1)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Gridwarden(Process):
    def __init__(self, folder, azure_url):
        self.daemon = harness.Gridwarden(folder, azure_url)
        self.path = f"/api/events?code={harness.KEY}"

    def start(self):
        began = time.perf_counter()
        self.daemon.start()
        self.started_ms = (time.perf_counter() - began) * 1000
        super().__init__(self.daemon.process.pid)
        self.port = self.daemon.port

    def quiet(self):
        """From now on, or soon, no log line for each alert."""
        self.daemon.write_settings(log_level="warning")
        self.daemon.process.send_signal(signal.SIGHUP)

    def metric(self, name):
        page = self.daemon.operations("/metrics").body.decode()
        return int(re.search(rf"^gridwarden_{name} (\d+)$", page, re.M)[1])

    def settle(self, limit_s=300):
        """Until everything that was answered is decided; how many events a second that were."""
        began, before = time.monotonic(), self.metric("events_decided_total")
        while self.metric("inbox_waiting") > 0:
            if time.monotonic() - began > limit_s:
                raise AssertionError("the decider does not come to an end")
            time.sleep(0.05)
        seconds = time.monotonic() - began
        return (self.metric("events_decided_total") - before) / seconds if seconds > 1 else None

    def stop(self):
        return self.daemon.stop()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def load(server, file, tls="1.3", **options):
    """Run the load generator against a server: its figures, and the server's CPU a request."""
    command = [str(LOAD), "--port", str(server.port), "--path", server.path, "--body", str(file),
               "--tls", tls]
    for name, value in options.items():
        command += [f"--{name}"] + ([] if value is True else [str(value)])
    before = server.cpu_s()
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600)
    figures = json.loads(result.stdout)
    figures["cpu_us"] = (server.cpu_s() - before) * 1e6 / max(figures["all"], 1)
    return figures


def disk(folder, seconds):
    result = subprocess.run([str(LOAD), "--disk", str(Path(folder) / "disk"), "--seconds",
                             str(seconds)], stdout=subprocess.PIPE, check=True)
    return json.loads(result.stdout)["rate"]
