import sys

from pipeline.commands import doctor
from pipeline.commands.doctor import Check


def test_python():
    assert doctor.python((3, 11, 9)) == Check("python", True, "3.11.9", "")
    found = doctor.python((3, 12, 1))
    assert not found.ok
    assert "Python 3.11" in found.advice


def test_packages_of_this_environment_fit():
    found = doctor.packages()
    assert found.ok, found.found
    assert not found.advice


def test_packages_that_do_not_fit(monkeypatch):
    asked = ["numpy<1", "pillow>=1", "no-such-package==2", "tensorflow<1; extra == 'gpu'"]
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: asked)
    found = doctor.packages()
    assert not found.ok
    assert "numpy is " in found.found
    assert "expected <1" in found.found
    assert "no-such-package is missing" in found.found
    assert "pillow" not in found.found
    assert "tensorflow" not in found.found


def test_package_that_is_not_installed():
    assert not doctor.packages("no-such-package").ok


def test_imports_that_work():
    checks = doctor.imports("print('stray line'); print('/GPU:0|/GPU:1')")
    assert [one.name for one in checks] == ["imports", "gpu"]
    assert checks[1].found == "TensorFlow finds /GPU:0, /GPU:1"


def test_no_gpu_is_no_failure():
    gpu = doctor.imports("print()")[1]
    assert gpu.ok
    assert "the CPU is used" in gpu.found


def test_imports_that_fail_say_why():
    (found,) = doctor.imports("raise ImportError('GLIBC_2.38 not found')")
    assert not found.ok
    assert "GLIBC_2.38 not found" in found.found
    assert "make setup" in found.advice


def test_memory_is_bounded_by_the_container(tmp_path):
    proc = tmp_path / "meminfo"
    proc.write_text("MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n")
    assert doctor.available_memory(proc, tmp_path) == 8_000_000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert doctor.available_memory(proc, tmp_path) == 8_000_000 * 1024
    (tmp_path / "memory.max").write_text("3000000000\n")
    (tmp_path / "memory.current").write_text("1000000000\n")
    assert doctor.available_memory(proc, tmp_path) == 2_000_000_000


def test_little_memory_and_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "available_memory", lambda: 10**9)
    monkeypatch.setattr(doctor, "DISK_GB", 10**6)
    for found in (doctor.memory(), doctor.disk(str(tmp_path))):
        assert not found.ok
        assert found.advice


def test_root_need_not_exist_and_is_not_made(tmp_path):
    root = tmp_path / "not" / "yet"
    assert doctor.writable(str(root)).ok
    assert doctor.disk(str(root)).found.endswith("needed")
    assert not root.parent.exists()


def test_root_that_cannot_hold_files():
    found = doctor.writable("/proc/fewshot")
    assert not found.ok
    assert "--root" in found.advice


def test_buckets_are_left_alone():
    assert doctor.writable("gs://bucket/fewshot").ok
    assert doctor.disk("gs://bucket/fewshot").ok


def test_shown_in_eighty_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    doctor.show([Check("disk", False, "1.0 GB free, 5 needed", "Free some space, or choose another --root than runs.")])
    out = capsys.readouterr().out
    assert out.startswith("no  disk  1.0 GB free, 5 needed. Free some space")
    assert max(len(line) for line in out.splitlines()) <= 80


def test_everything_is_looked_at(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "imports", lambda: [])
    names = [one.name for one in doctor.check(str(tmp_path))]
    assert names == ["python", "packages", "memory", "disk", "cores", "root"]
    assert sys.version_info[:2] == (3, 11)
