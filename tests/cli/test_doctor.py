"""`float-avatar doctor` says what is there, and fails on what serving can't do without."""

from pathlib import Path

import pytest
import typer

from cli import doctor
from cli.doctor import Finding, cpu_flags, cpu_text, examine, examine_bundle, guarded, num_usable_cores, package


def test_every_package_that_serving_needs_is_found_here() -> None:
    wrong = [package(name, "wrong") for name in doctor.SERVING_PACKAGES if package(name, "wrong").state == "wrong"]
    assert not wrong


def test_a_package_that_is_not_installed_is_said_to_be_missing() -> None:
    assert package("no-such-package", "absent") == Finding("package", "no-such-package is not installed", "absent")


def test_cpu_features_are_read_from_the_systems_list(tmp_path: Path) -> None:
    listed = tmp_path / "cpuinfo"
    listed.write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_tile amx_bf16 avx512f\nbugs\t\t: none\n")
    text = cpu_text(cpu_flags(listed))
    assert text == "avx2 yes, avx512 no, bfloat16 no, amx bfloat16 yes"
    assert "unknown" in cpu_text(cpu_flags(tmp_path / "absent"))


def test_the_codecs_and_engines_of_serving_work_here() -> None:
    assert [finding.state for finding in doctor.codecs()] == ["ok"] * len(doctor.CODECS)
    assert "CPU" in doctor.openvino_devices()
    assert "CPUExecutionProvider" in doctor.onnxruntime_providers()
    assert num_usable_cores() >= 1


def test_an_engine_that_does_not_load_is_wrong_and_says_why() -> None:
    def broken() -> str:
        raise ImportError("libfast.so: cannot open shared object file")

    (finding,) = guarded("engine", "fast", broken)
    assert finding.state == "wrong"
    assert "libfast.so" in finding.text


def test_the_bundle_that_ships_is_fit() -> None:
    findings = list(examine_bundle(None))
    assert {finding.state for finding in findings} == {"ok"}, findings
    assert any("frame_decoder" in finding.text for finding in findings)


def test_a_missing_bundle_is_wrong_and_the_exit_status_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        doctor.doctor(bundle=tmp_path / "nothing")
    assert ended.value.exit_code == 1
    shown = capsys.readouterr().out
    assert "wrong   bundle" in shown
    assert "Not ready" in shown


def test_topics_come_in_a_fixed_order() -> None:
    topics = list(dict.fromkeys(finding.topic for finding in examine(None)))
    assert topics == ["python", "machine", "cpu", "package", "engine", "codec", "bundle"]
