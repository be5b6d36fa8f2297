"""What stands in a directory, and in what two differ."""
import hashlib
import os
import re
import stat


def entry(path):
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path))
    if stat.S_ISDIR(status.st_mode):
        return ("directory", status.st_mode & 0o777)
    if not stat.S_ISREG(status.st_mode):
        return ("other", status.st_mode)
    with open(path, "rb") as file:
        return ("file", status.st_mode & 0o777, status.st_size, hashlib.file_digest(file, "sha256").hexdigest())


def tree(root):
    """All below a directory, by names from there."""
    found = {}
    for place, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(place, name)
            found[os.path.relpath(path, root)] = entry(path)
    return found


def differences(expected, got, left):
    """Lines that tell in what two trees differ; names that match one of `left` do not count."""
    lines = []
    for name in sorted(set(expected) | set(got)):
        if expected.get(name) != got.get(name) and not any(re.search(pattern, name) for pattern in left):
            lines.append(f"{name}: {expected.get(name, 'nothing')} natively, {got.get(name, 'nothing')}")
    return lines
