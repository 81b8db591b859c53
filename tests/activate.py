"""Hands sockets over as systemd does: activate.py NAME=FD[,NAME=FD] PROGRAM ARGUMENT...

A name may be left out, as systemd versions before names did: activate.py =FD PROGRAM ...
"""

import os
import sys

pairs = [pair.split("=") for pair in sys.argv[1].split(",")]
# Out of the way first: what is moved to 3 and up may be one of these numbers.
spare = [os.dup(int(fd)) for _, fd in pairs]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(spare)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, inheritable=True)
os.environ.update(LISTEN_FDS=str(len(pairs)), LISTEN_PID=str(os.getpid()))
names = ":".join(name for name, _ in pairs)
if names:
    os.environ["LISTEN_FDNAMES"] = names
os.closerange(3 + len(pairs), 1024)
os.execv(sys.argv[2], sys.argv[2:])
