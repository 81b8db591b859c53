#!/usr/bin/python3
"""A small Azure in one process, for tests and demonstrations.

Prints {"port", "url"} on one line when it is ready.  Ends on SIGTERM, SIGINT, and with the
process that started it unless --no-parent-watch is given.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
import threading

sys.dont_write_bytecode = True

from default_world import default_world  # noqa: E402
from emulator import Emulator  # noqa: E402
from server import Server  # noqa: E402

PR_SET_PDEATHSIG = 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--tls-cert", metavar="FILE")
    parser.add_argument("--tls-key", metavar="FILE")
    parser.add_argument("--world", metavar="FILE", help="JSON in place of the default world")
    parser.add_argument("--ready-file", metavar="FILE", help="gets the line printed when ready")
    parser.add_argument("--no-parent-watch", action="store_true",
                        help="keep running when the parent process ends")
    given = parser.parse_args()
    if bool(given.tls_cert) != bool(given.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    return given


def end_with_parent(parent):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before we could ask
        sys.exit(1)


def write_atomically(path, text):
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def load_world(path):
    if path is None:
        return default_world()
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    parent = os.getppid()
    given = arguments()
    if not given.no_parent_watch:
        end_with_parent(parent)
    tls = (given.tls_cert, given.tls_key) if given.tls_cert else None
    server = Server(given.port, Emulator(load_world(given.world)), tls)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05},
                     daemon=True).start()
    ready = json.dumps({"port": server.server_address[1],
                        "url": f"{server.scheme}://{server.authority}"})
    if given.ready_file:
        write_atomically(given.ready_file, ready + "\n")
    print(ready, flush=True)
    stopping.wait()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
