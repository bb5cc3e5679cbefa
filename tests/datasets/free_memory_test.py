"""The free memory of a container is what its limit leaves."""

import pytest

from fred_tf.datasets import free_memory as free_memory_lib
from fred_tf.datasets.free_memory import free_memory

NAMES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    2: ("memory.max", "memory.current"),
}
DROPPED = {1: "total_inactive_file", 2: "inactive_file"}


@pytest.fixture
def group(tmp_path, monkeypatch):
    """Returns what makes a control group of a limit and what is used."""
    groups = tmp_path / "groups"
    monkeypatch.setattr(free_memory_lib, "_GROUPS", groups)
    monkeypatch.setattr(free_memory_lib, "_MOUNT", tmp_path / "mount")

    def make(version, path, limit, used, dropped=0):
        groups.write_text(
            f"5:cpuset:{path}\n4:memory:{path}\n" if version == 1 else ""
        )
        with open(groups, "a") as file:
            file.write(f"0::{path if version == 2 else '/'}\n")
        root = tmp_path / "mount" / ("memory" if version == 1 else "")
        folder = root / path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in zip(NAMES[version], (limit, used)):
            (folder / name).write_text(f"{value}\n", encoding="utf-8")
        told = f"anon 7\n{DROPPED[version]} {dropped}\n"
        (folder / "memory.stat").write_text(told)
        return groups

    return make


@pytest.mark.parametrize("version", [1, 2])
def test_a_limit_counts_with_what_is_used_of_it(group, version):
    group(version, "/a/b", 5000, 1000, 200)
    assert free_memory() == 4200
    # That of the group around it, too.
    group(version, "/a", 4000, 1000)
    group(version, "/a/b", 5000, 1000)
    assert free_memory() == 3000
    group(version, "/a/b", 5000, 6000)
    assert free_memory() == 0


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_sees_its_own_group_as_the_root(group, version):
    groups = group(version, "/", 5000, 1000)
    groups.write_text(groups.read_text().replace(":/\n", ":/of/the/host\n"))
    assert free_memory() == 4000


@pytest.mark.parametrize("limit", ["max", 2**63 - 4096])
def test_without_a_limit_it_is_that_of_the_machine(group, limit, monkeypatch):
    class Machine:
        available = 12345

    monkeypatch.setattr(
        free_memory_lib.psutil, "virtual_memory", lambda: Machine
    )
    groups = group(2, "/a", limit, 1000)
    assert free_memory() == 12345
    groups.unlink()
    assert free_memory() == 12345
