#!/usr/bin/env python3
"""Captures `console.transcript` from a real vde_switch (see README.md).

The transcript is what a terminal on the management socket would show: everything the switch says,
with each command behind the prompt it answers. Lines that begin with `#` are comments to the switch
and orders to this script and to the test that plays the transcript to our switch:

    # attach PORT TEXT      a client with the description TEXT asks for PORT (0: any, -1: port 0)
    # leave TEXT            that client closes its control stream
    # frame TEXT DST SRC    that client sends a frame of 60 bytes; addresses by their last byte

Needs vde_switch 2.3.2 on PATH, and Linux on a little-endian machine.
Usage: capture_console.py [OUTPUT_FILE]
"""

import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else (
    pathlib.Path(__file__).parent / "console.transcript"
)
MAGIC = 0xFEEDFACE
DEADLINE = 10.0  # seconds
PROMPT = b"\nvde$ "
# The order and the ids of endpoints are those of this machine's descriptors: `ID(TEXT)` in a command
# stands for the id that the last port/print gave the client TEXT.
SESSION = """
help zz
help showinfo
showinfo
ds/showinfo
port/showinfo
port/print
port/allprint
port
# nothing

port/print 1
port/print 8
port/print 99
port/create 3
port/create 3
port/create 8
port/createauto
port/allprint
port/allprint 3
port/allprint 4
port/print 3
port/remove 3
port/remove 3
port/remove 99
port/create 7
port/createauto
# attach 0 any one
# attach 0 any two
# attach -1 zero
# attach 5 five
# attach 5 five again
port/print
port/allprint
port/print 5
port/print 0
port/remove 5
port/remove 0
port/setnumports 4
port/allocatable 5 0
port/allocatable 6 1
port/allocatable 1 1
port/allprint 5
hash/print
# frame five ff 01
# frame any one 01 02
# frame any two 02 01
hash/print
hash/find 02:00:00:00:00:01
hash/find 2:0:0:0:0:2 0
hash/find 02:00:00:00:00:01 1
hash/find 02:00:00:00:00:09
hash/find
hash/find zz
port/print
port/resetcounter 5
port/resetcounter 6
port/print 5
port/resetcounter 99
port/resetcounter
port/print
port/epclose 5 99
port/epclose 99 1
port/epclose
port/epclose 5
port/epclose 5 ID(five)
port/epclose 5 ID(five)
port/print 5
port/epclose 5 ID(five again)
port/print 5
port/allprint 5
port/remove 5
port/allprint
hash/print
# leave any one
# leave any two
# leave zero
port/print
port/allprint
port/createauto
port/createauto
port/createauto
port/createauto
port/createauto
port/createauto
port/remove 7
port/remove 6
port/setnumports 6
port/setnumports 5
port/setnumports 0
port/setnumports 16
port/setnumports
port/setnumports abc
port/showinfo
port/sethub 1
port/showinfo
port/sethub 0
hash/setexpire 50
hash/setminper 1
hash/showinfo
foo
port/print abc
port/print 4 5
port/create 0
port/create abc
port/sethub abc
hash/setexpire abc
port/create 010
port/allprint 10
showinfoXYZ
vlan/print
logout
"""


class Switch:
    def __init__(self, work):
        self.work = work
        self.dir = work / "switch"
        mgmt = work / "mgmt"
        self.process = subprocess.Popen(
            ["vde_switch", "-s", self.dir, "-M", mgmt, "-f", "/dev/null", "-n", "8",
             "--macaddr", "02:00:00:00:00:fe"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + DEADLINE
        while True:
            self.console = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.console.connect(str(mgmt))
                break
            except OSError:
                if time.monotonic() > end:
                    sys.exit("vde_switch does not start")
                time.sleep(0.01)
        self.console.settimeout(DEADLINE)
        self.clients = {}
        self.ids = {}

    def read(self):
        """What the switch says up to its prompt, or its end."""
        said = b""
        while not said.endswith(PROMPT):
            piece = self.console.recv(65536)
            if not piece:
                return said
            said += piece
        return said

    def ask(self, command):
        self.console.sendall(command + b"\n")
        answer = self.read()
        for line in answer.splitlines():
            if line.startswith(b"  -- endpoint ID "):
                head, _, text = line.partition(b": ")
                self.ids[text.decode()] = str(int(head.split()[3]))
        return answer

    def attach(self, port, text):
        own = self.work / f"client-{len(self.clients)}-{time.monotonic_ns()}"
        data = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        data.bind(str(own))
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(DEADLINE)
        stream.connect(str(self.dir / "ctl"))
        word = 1 if port < 0 else port << 8
        address = struct.pack("=H108s", socket.AF_UNIX, str(own).encode())
        stream.sendall(struct.pack("=III", MAGIC, 3, word) + address + text.encode())
        reply = stream.recv(110)
        data.connect(reply[2:].split(b"\0")[0])
        self.clients[text] = (stream, data)
        # The description is noted after the reply.
        self.wait(lambda ports: text.encode() in ports)

    def leave(self, text):
        stream, data = self.clients.pop(text)
        stream.close()
        data.close()
        self.wait(lambda ports: text.encode() + b"\n" not in ports)

    def frame(self, text, dst, src):
        mac = lambda last: b"\xff" * 6 if last == "ff" else bytes([2, 0, 0, 0, 0, int(last, 16)])
        before = self.packets()
        self.clients[text][1].send(mac(dst) + mac(src) + b"\x08\x06" + bytes(46))
        self.wait(lambda _: self.packets() > before)

    def packets(self):
        lines = self.ask(b"port/print").splitlines()
        return sum(int(line.split()[2]) for line in lines if line.startswith(b" IN:"))

    def wait(self, condition):
        end = time.monotonic() + DEADLINE
        while not condition(self.ask(b"port/print")):
            if time.monotonic() > end:
                sys.exit("the switch does not do what it should")
            time.sleep(0.01)

    def order(self, line):
        """Does what a comment says."""
        word, _, rest = line.removeprefix("# ").partition(" ")
        if word == "attach":
            port, _, text = rest.partition(" ")
            self.attach(int(port), text)
        elif word == "leave":
            self.leave(rest)
        elif word == "frame":
            self.frame(*rest.rsplit(" ", 2))


with tempfile.TemporaryDirectory(prefix="vde-golden-") as directory:
    switch = Switch(pathlib.Path(directory))
    try:
        transcript = switch.read()
        for line in SESSION.strip("\n").split("\n"):
            if line.startswith("#"):
                switch.order(line)
            if "ID(" in line:
                head, _, text = line.partition("ID(")
                line = head + switch.ids[text.removesuffix(")")]
            transcript += line.encode() + b"\n" + switch.ask(line.encode())
        OUT.write_bytes(transcript)
        print(f"{OUT.name}: {len(transcript)} bytes")
    finally:
        switch.process.terminate()
        switch.process.wait()
