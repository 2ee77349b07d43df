"""Open directories below one that is open already, name by name and never through a link."""

import os

from studiolo.agent.copies.entries import Trail

OPENED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_below(root: int, trail: Trail) -> int:
    """Open the directory at the end of a trail; raise OSError, also where a link has taken a directory's place."""
    opened = os.open(".", OPENED, dir_fd=root)
    for name in trail:
        try:
            below = os.open(name, OPENED, dir_fd=opened)
        finally:
            os.close(opened)
        opened = below
    return opened


def identity(status: os.stat_result) -> tuple[int, int]:
    """Return what is equal for one and the same file or directory only."""
    return status.st_dev, status.st_ino


def identities_to(home: tuple[int, int], directory: int) -> list[tuple[int, int]]:
    """Return what the directories are from an open one up to the home, that one first."""
    found = [identity(os.fstat(directory))]
    opened = os.dup(directory)
    try:
        while found[-1] != home:
            above = os.open("..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=opened)
            os.close(opened)
            opened = above
            found.append(identity(os.fstat(opened)))
            if found[-1] == found[-2]:
                break  # the root of everything: it was moved out of the home meanwhile
    finally:
        os.close(opened)
    return found
