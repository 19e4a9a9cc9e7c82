"""What is said of the machine is read from the system's own lists."""

import json
from pathlib import Path

from bench.machine import this_machine


def test_the_flags_that_decide_the_speed_are_picked_out(tmp_path: Path) -> None:
    cpuinfo, meminfo = tmp_path / "cpuinfo", tmp_path / "meminfo"
    cpuinfo.write_text(
        "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 amx_tile amx_bf16 sse\n\nprocessor\t: 1\n"
    )
    meminfo.write_text("MemTotal:       16777216 kB\nMemFree: 1 kB\n")
    machine = this_machine(cpuinfo, meminfo)
    assert (machine.processor, machine.flags, machine.memory_gib) == (
        "Some CPU",
        ("avx2", "amx_tile", "amx_bf16"),
        16.0,
    )
    assert machine.has_bfloat16


def test_a_system_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    machine = this_machine(tmp_path / "absent", tmp_path / "absent")
    assert machine.flags == () and machine.memory_gib == 0 and not machine.has_bfloat16


def test_this_machine_goes_into_json_with_its_install_and_commit() -> None:
    machine = json.loads(json.dumps(this_machine().to_json()))
    assert machine["num_cores"] >= 1 and machine["memory_gib"] > 0
    assert {"numpy", "openvino", "onnxruntime"} <= machine["packages"].keys()
    assert isinstance(machine["commit"], str)
