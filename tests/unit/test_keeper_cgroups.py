"""Control groups of both versions, on a directory that stands for /sys/fs/cgroup."""

from pathlib import Path

import pytest

from studiolo.core.limits import Limits
from studiolo.runtime.keeper.cgroups import Cgroups, members, remove

LIMITS = Limits(memory_bytes=1024, cpu_cores=0.5, processes=64, disk_bytes=None)


def make_version_2(root: Path, controllers: str, own: str = "service") -> None:
    for directory in (root, root / own):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.controllers").write_text(controllers)
        (directory / "cgroup.subtree_control").write_text("")


def test_version_2_is_used_below_the_own_group_and_the_keeper_moves_into_a_leaf(tmp_path: Path):
    make_version_2(tmp_path, "cpuset cpu io memory pids")
    groups = Cgroups(tmp_path, "0::/service\n")
    assert set(groups.enforced) == {"memory", "cpu", "processes"}
    (group,) = groups.create("project", LIMITS)
    assert group == str(tmp_path / "service" / "studiolo" / "project")
    found = {path.name: path.read_text() for path in Path(group).iterdir()}
    assert found == {"memory.max": "1024", "memory.swap.max": "0", "pids.max": "64", "cpu.max": "50000 100000"}
    assert (tmp_path / "service" / "studiolo-keeper" / "cgroup.procs").is_file()


def test_restarted_keeper_uses_the_same_groups(tmp_path: Path):
    make_version_2(tmp_path, "cpu memory pids")
    first = Cgroups(tmp_path, "0::/service\n").create("project", LIMITS)
    assert Cgroups(tmp_path, "0::/service/studiolo-keeper\n").create("project", LIMITS) == first


def test_limits_of_groups_that_are_there_are_changed(tmp_path: Path):
    make_version_2(tmp_path, "cpu memory pids")
    groups = Cgroups(tmp_path, "0::/service\n")
    (group,) = groups.create("project", LIMITS)
    assert groups.change("project", Limits(memory_bytes=2048, cpu_cores=None, processes=99, disk_bytes=None))
    found = {path.name: path.read_text() for path in Path(group).iterdir()}
    assert found == {"memory.max": "2048", "memory.swap.max": "0", "pids.max": "99", "cpu.max": "50000 100000"}


def test_a_change_that_no_group_holds_is_none(tmp_path: Path):
    make_version_2(tmp_path / "v2", "memory")
    groups = Cgroups(tmp_path / "v2", "0::/service\n")
    assert not groups.change("unknown", Limits(2048, None, None, None))
    (group,) = groups.create("project", Limits(1024, None, None, None))
    assert not groups.change("project", Limits(2048, 1.0, None, None))
    assert (Path(group) / "memory.max").read_text() == "1024"
    assert not Cgroups(tmp_path / "none", "").change("project", LIMITS)


@pytest.mark.parametrize("controllers", ["", "hugetlb"])
def test_version_2_without_the_controllers_enforces_nothing(tmp_path: Path, controllers: str):
    make_version_2(tmp_path, controllers)
    groups = Cgroups(tmp_path, "0::/service\n")
    assert groups.enforced == ()
    assert groups.create("project", LIMITS) == ()


def test_version_1_uses_each_controller_below_the_own_group(tmp_path: Path):
    for path in ("memory/box", "pids", "cpu"):
        (tmp_path / path).mkdir(parents=True)
    groups = Cgroups(tmp_path, "3:memory:/box\n2:pids:/\n1:cpu,cpuacct:/of/the/outside\n")
    assert groups.enforced == ("memory", "processes", "cpu")
    made = groups.create("project", Limits(None, 2.0, None, None))
    expected = ["memory/box/studiolo/project", "pids/studiolo/project", "cpu/studiolo/project"]
    assert [str(Path(group).relative_to(tmp_path)) for group in made] == expected
    assert (Path(made[2]) / "cpu.cfs_quota_us").read_text() == "200000"
    assert list(Path(made[0]).iterdir()) == []
    assert not remove(made)  # here files are in the way, as processes are in a real one
    for file in Path(made[2]).iterdir():
        file.unlink()
    assert remove(made)
    assert remove(made)  # gone is gone


def test_machine_without_control_groups_enforces_nothing(tmp_path: Path):
    assert Cgroups(tmp_path, "").enforced == ()
    assert members(["/nowhere"]) == set()
