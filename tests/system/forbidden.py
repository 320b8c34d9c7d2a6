"""Accounts to which the kernel gives no user namespace."""

import pwd
import sys

from .conftest import User

# What follows runs with a limit of no user namespace, which holds below a namespace of ours.
FORBID = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
ready, mapped = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    if libc.unshare(0x10000000):  # CLONE_NEWUSER
        os._exit(70)
    os.write(ready[1], b"x")
    os.read(mapped[0], 1)
    with open("/proc/sys/user/max_user_namespaces", "w") as limit:
        limit.write("0")
    uid, gid = int(sys.argv[1]), int(sys.argv[2])
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.execvp(sys.argv[3], sys.argv[3:])
os.read(ready[0], 1)
for kind in ("uid", "gid"):
    with open(f"/proc/{child}/{kind}_map", "w") as file:
        file.write("0 0 4294967295")
os.write(mapped[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def without_namespaces(user: User) -> list[str]:
    """The words before a command that root runs: it runs as the user, who can have none."""
    account = pwd.getpwnam(user.name)
    return [sys.executable, "-c", FORBID, str(account.pw_uid), str(account.pw_gid)]
