"""What the scripts of this folder share."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CONFORMANCE = os.path.dirname(HERE)
MARKER = "UWRX_ATTACK_MARKER"
BECOME = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]


class CannotTry(Exception):
    pass


def find_uwrx():
    uwrx = os.path.abspath(os.environ.get("UWRX", os.path.join(CONFORMANCE, "../.build/debug/uwrx")))
    if not os.access(uwrx, os.X_OK):
        print(f"no uwrx at {uwrx}: build it, or say where it is with UWRX", file=sys.stderr)
        sys.exit(2)
    return uwrx


def reachable(uwrx, base, becomes):
    """The ordinary user may be unable to reach the binary where it was built."""
    if not becomes or not subprocess.run(BECOME + ["test", "-x", uwrx]).returncode:
        return uwrx
    copy = os.path.join(base, "uwrx")
    # uwrx-proxy and uwrx-cache stand beside it.
    for suffix in ("", "-proxy", "-cache"):
        if os.path.exists(uwrx + suffix):
            shutil.copy(uwrx + suffix, copy + suffix)
            os.chmod(copy + suffix, 0o755)
    return copy


def compile_program(source, folder, flags=()):
    program = os.path.join(folder, os.path.basename(source).removesuffix(".c"))
    command = ["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", *flags, source, "-o", program]
    compiled = subprocess.run(command, capture_output=True, text=True)
    if compiled.returncode:
        raise CannotTry(compiled.stderr)
    return program


def leftovers(token):
    """Processes that have the run's mark in their environment, wherever they are."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if f"{MARKER}={token}".encode() in file.read():
                        found.append(int(name))
            except OSError:
                pass
    return found


def discard(path):
    subprocess.run(["/bin/sh", "-c", 'chmod -R u+rwx "$1" 2>/dev/null; rm -rf "$1"', "sh", path], check=False)
