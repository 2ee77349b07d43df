"""Start the agent: `python -m studiolo.agent --listen-fd N --home /projects/ID`.

The listening socket was made outside the sandbox and is inherited, so that nothing inside can take its place.
"""

import os
import sys


def _drop_home_from_path(home: str) -> None:
    # `python -m` looks for modules in the working directory, which is the home, first: a student's own random.py or
    # a broken package in ~/.local must not replace what the agent imports
    below = home.rstrip("/") + "/"
    sys.path[:] = [entry for entry in sys.path if entry and not (entry + "/").startswith(below)]


def main(arguments: list[str]) -> int:
    """Serve until asked to stop; return the exit status."""
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))  # argparse would be 8 ms of the start
    try:
        listen_fd, home = int(options.pop("--listen-fd")), options.pop("--home")
    except (KeyError, ValueError):
        listen_fd, home = -1, ""
    if listen_fd < 0 or not home.startswith("/") or options or len(arguments) % 2:
        sys.stderr.write("usage: python -m studiolo.agent --listen-fd N --home /absolute/path\n")
        return 2
    _drop_home_from_path(home)
    from studiolo.agent.kernels.template import fork_template

    template = fork_template()  # before anything is imported, opened or started that a kernel must not inherit
    sys.modules["ssl"] = None  # pyright: ignore[reportArgumentType] - asyncio does without it: 12 ms and 3 MB less
    from studiolo.agent.server import run  # only now: after the path is clean

    del sys.modules["ssl"]  # whoever needs it later gets it
    run(listen_fd, home, template)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # everything is saved by now; the ordinary end would wait for threads that may hang in a dead file system
    os._exit(status)
