# SPDX-License-Identifier: GPL-2.0-only
"""virtme-run.py LOG VIRTME_RUN_ARGUMENT...: virtme-ng's virtme-run with three changes.

The guest caches what it reads of its root file system (without that every exec reads the libraries
again over 9p, and a boot takes a minute); the whole kernel log goes to the file LOG; and the early
console, which would print everything twice, stays off.
"""

import os
import sys

from virtme import mkinitramfs
from virtme.commands import run


class CachedRoot(mkinitramfs.Config):
    """An initramfs that mounts the root file system with a cache."""

    def __init__(self):
        super().__init__()
        self.access = "ro,cache=loose,msize=262144"


def with_log(log):
    """An execv for QEMU that sends the first serial port to the file LOG."""
    real_execv = os.execv

    def execv(path, args):
        args = [
            f"file,id=console,path={log}" if arg == "file,id=console,path=/dev/null" else arg
            for arg in args
        ]
        where = args.index("-append") + 1
        words = [w for w in args[where].split(" ") if not w.startswith("earlyprintk=")]
        args[where] = " ".join(words)
        real_execv(path, args)

    return execv


if __name__ == "__main__":
    log_file = sys.argv.pop(1)
    sys.argv[0] = "virtme-run"
    mkinitramfs.Config = CachedRoot
    run.os.execv = with_log(log_file)
    sys.exit(run.main())
