# SPDX-License-Identifier: GPL-2.0-only
"""virtme-run.py FOLDER VIRTME_RUN_ARGUMENT...: virtme-ng's virtme-run with a few changes.

The guest caches what it reads of its root file system (without that every exec reads the libraries
again over 9p, and a boot takes a minute). The kernel's log goes to FOLDER/console.log and what QEMU itself
has to say to FOLDER/qemu.log, so that standard error is the command's alone. The early console,
which would print everything twice, stays off. Slot 02 of the PCI bus is free.

The devices that FOLDER/pci-devices lists, one a line as arguments of pci-device, wait for QEMU when
it starts. Like all that runs here they end at the latest with this process, the first of its namespace.
"""

import os
import shlex
import subprocess
import sys

from virtme import mkinitramfs
from virtme.commands import run


CACHE = "cache=loose,msize=262144"


class CachedRoot(mkinitramfs.Config):
    """An initramfs that mounts the root file system with a cache."""

    def __init__(self):
        super().__init__()
        self.access = f"ro,{CACHE}"


def start_devices(folder):
    """Start each device, and wait until QEMU can connect to it."""
    listing = f"{folder}/pci-devices"
    if not os.path.exists(listing):
        return
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pci-device")
    with open(listing, encoding="utf-8") as lines:
        for line in lines:
            command = [program, *shlex.split(line)]
            device = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            if not device.stdout.readline():
                sys.exit(f"virtme-run.py: {shlex.join(command)} does not start")


def keep_slot_2(args):
    """virtme-ng's devices take the first slots as they come; the second has a watchdog that nobody needs."""
    where = args.index("i6300esb,id=watchdog0")
    del args[where - 1 : where + 1]
    slot = 3
    for at, arg in enumerate(args):
        if arg == "virtio-serial-pci":
            args[at] = f"{arg},addr={slot:02x}.0"
            slot += 1


def with_logs(folder):
    """An execv for QEMU that separates the logs from the command's output."""
    real_execv = os.execv

    def execv(path, args):
        stderr = os.dup(2)
        os.set_inheritable(stderr, True)
        log = os.open(f"{folder}/qemu.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 2)
        changes = {
            "file,id=console,path=/dev/null": f"file,id=console,path={folder}/console.log",
            "file,id=stderr,path=/proc/self/fd/2": f"file,id=stderr,path=/proc/self/fd/{stderr}",
            "file,id=dev_stderr,path=/proc/self/fd/2": f"file,id=dev_stderr,path=/proc/self/fd/{stderr}",
        }
        args = [changes.get(arg, arg) for arg in args]
        where = args.index("-append") + 1
        words = [w for w in args[where].split(" ") if not w.startswith("earlyprintk=")]
        # A kernel that has all drivers built in mounts its root itself, without the initramfs above.
        words = [f"{w},{CACHE}" if w.startswith("rootflags=") else w for w in words]
        args[where] = " ".join(words)
        keep_slot_2(args)
        start_devices(folder)
        real_execv(path, args)

    return execv


if __name__ == "__main__":
    run_folder = sys.argv.pop(1)
    sys.argv[0] = "virtme-run"
    mkinitramfs.Config = CachedRoot
    run.os.execv = with_logs(run_folder)
    sys.exit(run.main())
