"""Words for an operator whose sandbox does not start: what is wrong and the exact command against it."""

from pathlib import Path

from studiolo.runtime.keeper.environment import Environment

_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_CLONE = Path("/proc/sys/kernel/unprivileged_userns_clone")
_LIMIT = Path("/proc/sys/user/max_user_namespaces")


def explain(output: str, environment: Environment | None) -> str:
    """Return what to do about a sandbox that failed with this output."""
    said = " ".join(output.split())[-500:]
    return f"{_remedy(said, environment)} (The sandbox said: {said or 'nothing'})"


def _remedy(said: str, environment: Environment | None) -> str:
    if _is(_APPARMOR, "1"):
        return (
            "AppArmor forbids unprivileged user namespaces on this system. Allow them for bubblewrap with a profile "
            "(`apt install apparmor-profiles && ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict "
            "/etc/apparmor.d/ && apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict`) or for everything with "
            "`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`."
        )
    if _is(_CLONE, "0"):
        return "User namespaces are switched off: `sysctl -w kernel.unprivileged_userns_clone=1` allows them."
    if _is(_LIMIT, "0"):
        return "User namespaces are switched off: `sysctl -w user.max_user_namespaces=15000` allows them."
    if "No space left on device" in said and "namespace" in said:
        return "The limit of user namespaces is reached: raise it with `sysctl -w user.max_user_namespaces=100000`."
    if "Can't mount proc" in said:
        return (
            "This container hides parts of /proc, so that no sandbox can have its own: start it with "
            "`--security-opt systempaths=unconfined` (Docker) or `--security-opt unmask=ALL` (Podman)."
        )
    if "namespace" in said or "Operation not permitted" in said:
        return (
            "The system does not let bubblewrap make namespaces. In a container start it with "
            "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined`; or choose another runner."
        )
    if environment is not None and environment.path in said:
        return f"The environment {environment.path} cannot be used inside the sandbox: {environment.problem()}"
    return "The sandbox does not start."


def _is(path: Path, value: str) -> bool:
    try:
        return path.read_text().strip() == value
    except OSError:
        return False
