#!/usr/bin/env python3
"""Captures the fixtures beside this file from the real programs (see README.md).

Needs vde_switch, vde_plug and vdeq on PATH, and Linux on a little-endian machine.
Usage: capture.py [OUTPUT_DIRECTORY]
"""

import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
MAGIC = 0xFEEDFACE
DEADLINE = 10.0  # seconds


def save(name, data):
    (OUT / f"{name}.bin").write_bytes(data)
    print(f"{name}.bin: {len(data)} bytes")


def wait_for(path):
    end = time.monotonic() + DEADLINE
    while not path.exists():
        if time.monotonic() > end:
            sys.exit(f"{path} did not appear")
        time.sleep(0.01)


def first_message(directory, command, env=None):
    """What `command` sends first to a switch of ours at `directory`."""
    directory.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(directory / "ctl"))
        listener.listen()
        listener.settimeout(DEADLINE)
        client = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=env,
        )
        try:
            with listener.accept()[0] as stream:
                stream.settimeout(DEADLINE)
                return stream.recv(4096)
        finally:
            client.kill()
            client.wait()


def capture_clients(work):
    env = {key: value for key, value in os.environ.items() if key != "SSH_CLIENT"}
    switch = work / "plug"

    def plug(name, suffix, *options, **more):
        message = first_message(
            switch, ["vde_plug", *options, f"vde://{switch}{suffix}"], {**env, **more}
        )
        save(f"request-vde_plug-{name}", message)
        shutil.rmtree(switch)

    plug("plain", "")
    plug("port3", "[3]")
    plug("port0", "[0]")
    plug("long-description", "", "--descr", "d" * 300)
    plug("ssh", "", SSH_CLIENT="192.0.2.7 50000 22")

    qemu = work / "fake-qemu"
    qemu.write_text('#!/bin/sh\n[ "$1" = -h ] && echo "QEMU emulator version 2.0.0"\n')
    qemu.chmod(0o755)
    save("request-vdeq", first_message(switch, ["vdeq", str(qemu), "-net", f"vde,sock={switch}"], env))


def address(path):
    return struct.pack("=H108s", socket.AF_UNIX, str(path).encode())


def capture_replies(work):
    switch = work / "switch"
    process = subprocess.Popen(
        ["vde_switch", "-s", str(switch), "-f", "/dev/null", "-n", "8"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(switch / "ctl")
        own = work / "own"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as data:
            data.bind(str(own))
            v3 = struct.pack("=II", MAGIC, 3)
            asked = {
                "auto": v3 + struct.pack("=I", 0) + address(own) + b"golden: auto",
                "port3": v3 + struct.pack("=I", 3 << 8) + address(own) + b"golden: port 3",
                "port0": v3 + struct.pack("=I", 1) + address(own) + b"golden: port 0",
                "v1": struct.pack("=II6s", MAGIC, 0, b"\x52\x54\0\x12\x34\x56")
                + address(own) + b"golden: v1",
            }
            for name, request in asked.items():
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
                    stream.settimeout(DEADLINE)
                    stream.connect(str(switch / "ctl"))
                    stream.sendall(request)
                    save(f"asked-{name}", request)
                    save(f"reply-{name}", stream.recv(4096))
    finally:
        process.terminate()
        process.wait()


with tempfile.TemporaryDirectory(prefix="vde-golden-") as directory:
    capture_clients(pathlib.Path(directory))
    capture_replies(pathlib.Path(directory))
