"""Each test locks a process of its own: there is no way back out."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from triage.engine import sandbox
from triage.engine.sandbox import SandboxLevel, lock

PRELUDE = """
import json, os, socket, sys, threading
from triage.engine.sandbox import lock

def attempt(action):
    try:
        return repr(action())
    except (OSError, MemoryError) as error:
        return type(error).__name__
"""


def locked(code: str, *, pass_fds: tuple[int, ...] = ()) -> Any:
    """Run code in a fresh interpreter and return what it leaves in `result`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{PRELUDE}\n{textwrap.dedent(code)}\nprint(json.dumps(result))"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        pass_fds=pass_fds,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def level() -> SandboxLevel:
    if sys.platform != "linux":
        pytest.skip("the sandbox exists on Linux only")
    found = locked("""
        level = lock(memory_bytes=1 << 30)
        result = [level.rlimits, level.landlock, level.seccomp]
    """)
    return SandboxLevel(rlimits=found[0], landlock=found[1], seccomp=found[2])


@pytest.fixture
def landlock(level: SandboxLevel) -> None:
    if not level.landlock:
        pytest.skip("this kernel has no Landlock")


@pytest.fixture
def seccomp(level: SandboxLevel) -> None:
    if not level.seccomp:
        pytest.skip("this kernel or machine has no seccomp filter we know")


@pytest.fixture
def rlimits(level: SandboxLevel) -> None:
    if not level.rlimits:
        pytest.skip("resource limits cannot be lowered here")


@pytest.mark.parametrize(
    ("level", "complete", "text"),
    [
        (SandboxLevel(), False, "none"),
        (SandboxLevel(rlimits=True), False, "rlimits"),
        (SandboxLevel(rlimits=True, seccomp=True), False, "rlimits, seccomp"),
        (
            SandboxLevel(rlimits=True, landlock=7, seccomp=True),
            True,
            "rlimits, landlock 7, seccomp",
        ),
    ],
)
def test_level_says_what_holds(level: SandboxLevel, *, complete: bool, text: str) -> None:
    assert level.complete is complete
    assert level.describe() == text


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_elsewhere_nothing_is_claimed(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert lock(memory_bytes=1 << 30) == SandboxLevel()


@pytest.mark.usefixtures("landlock")
def test_no_path_can_be_opened(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_bytes(b"x")
    result = locked(f"""
        lock(memory_bytes=1 << 30)
        folder = {str(tmp_path)!r}
        result = [
            attempt(lambda: os.open(folder + "/evidence", os.O_RDONLY)),
            attempt(lambda: os.open(folder + "/evidence", os.O_WRONLY)),
            attempt(lambda: os.open(folder + "/new", os.O_WRONLY | os.O_CREAT)),
            attempt(lambda: os.listdir(folder)),
            attempt(lambda: os.open("/proc/self/mem", os.O_RDONLY)),
            attempt(lambda: os.unlink(folder + "/evidence")),
        ]
    """)
    assert result == ["PermissionError"] * 6
    assert [path.name for path in tmp_path.iterdir()] == ["evidence"]


def test_open_descriptors_still_read(level: SandboxLevel, tmp_path: Path) -> None:
    (tmp_path / "evidence").write_bytes(b"before and after")
    result = locked(f"""
        image = os.open({str(tmp_path / "evidence")!r}, os.O_RDONLY)
        lock(memory_bytes=1 << 30)
        result = [os.pread(image, 6, 0).decode(), os.pread(image, 5, 11).decode()]
    """)
    assert level.rlimits
    assert result == ["before", "after"]


@pytest.mark.usefixtures("landlock")
def test_folder_can_stay_readable_but_not_writable(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a").write_bytes(b"content")
    (inside / "way-out").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_bytes(b"secret")
    result = locked(f"""
        root = os.open({str(inside)!r}, os.O_RDONLY | os.O_DIRECTORY)
        lock(memory_bytes=1 << 30, read_beneath=[root])
        result = [
            os.read(os.open("a", os.O_RDONLY, dir_fd=root), 100).decode(),
            sorted(os.listdir(root)),
            attempt(lambda: os.open("a", os.O_RDWR, dir_fd=root)),
            attempt(lambda: os.open("b", os.O_WRONLY | os.O_CREAT, dir_fd=root)),
            attempt(lambda: os.open("way-out", os.O_RDONLY, dir_fd=root)),
            attempt(lambda: os.open("../outside", os.O_RDONLY, dir_fd=root)),
        ]
    """)
    assert result == ["content", ["a", "way-out"], *["PermissionError"] * 4]


@pytest.mark.usefixtures("landlock")
def test_bad_read_beneath_descriptor_opens_nothing() -> None:
    result = locked("""
        level = lock(memory_bytes=1 << 30, read_beneath=[9999, -1])
        result = [level.landlock > 0, attempt(lambda: os.open("/", os.O_RDONLY))]
    """)
    assert result == [True, "PermissionError"]


@pytest.mark.usefixtures("landlock")
def test_landlock_is_not_claimed_while_another_thread_escapes_it() -> None:
    result = locked("""
        opened, proceed = [], threading.Event()

        def late():
            proceed.wait()
            opened.append(attempt(lambda: os.open("/", os.O_RDONLY)))

        other = threading.Thread(target=late)
        other.start()
        level = lock(memory_bytes=1 << 30)
        proceed.set()
        other.join()
        result = [level.landlock, opened[0]]
    """)
    assert (result[0] > 0) == (result[1] == "PermissionError")


@pytest.mark.usefixtures("seccomp")
@pytest.mark.parametrize(
    "action",
    [
        "socket.socket()",
        "socket.socketpair()",
        "os.execv(sys.executable, [sys.executable])",
        "os.posix_spawn(sys.executable, [sys.executable], {})",
        "os.fork()",
        "os.chmod('/', 0o755)",
        "os.utime('/')",
        "os.mkdir('/nowhere/new')",
        "os.setxattr('/', 'user.x', b'x')",
    ],
)
def test_denied_calls_fail(action: str) -> None:
    assert (
        locked(f"""
        lock(memory_bytes=1 << 30)
        result = attempt(lambda: {action})
    """)
        == "PermissionError"
    )


@pytest.mark.usefixtures("seccomp")
def test_every_denied_call_is_denied_to_every_thread() -> None:
    result = locked("""
        import ctypes, errno, platform
        from triage.engine.sandbox import denied_calls

        libc = ctypes.CDLL(None, use_errno=True)
        zero = ctypes.c_long(0)

        def refused(number):
            ctypes.set_errno(0)
            answer = libc.syscall(ctypes.c_long(number), *[zero] * 6)
            return answer == -1 and ctypes.get_errno() == errno.EPERM

        started, proceed, missed = threading.Event(), threading.Event(), []

        def attempt_all():
            started.set()
            proceed.wait()
            calls = denied_calls(platform.machine())
            missed.extend(name for name, number in calls.items() if not refused(number))

        old = threading.Thread(target=attempt_all)
        old.start()
        started.wait()
        lock(memory_bytes=1 << 30)
        proceed.set()
        old.join()
        attempt_all()
        result = missed
    """)
    assert result == []


@pytest.mark.usefixtures("seccomp")
def test_namespaces_and_clone3_are_refused() -> None:
    result = locked("""
        import ctypes, errno, platform, signal

        lock(memory_bytes=1 << 30)
        libc = ctypes.CDLL(None, use_errno=True)
        clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]

        def error(number, flags):
            arguments = [ctypes.c_ulong(value) for value in (flags, 0, 0, 0, 0)]
            libc.syscall(ctypes.c_long(number), *arguments)
            return errno.errorcode[ctypes.get_errno()]

        new_user, thread = 0x10000000, 0x10000
        result = [
            error(clone, signal.SIGCHLD),
            error(clone, new_user | signal.SIGCHLD),
            error(clone, new_user | thread),
            error(435, 0),
        ]
    """)
    assert result == ["EPERM", "EPERM", "EPERM", "ENOSYS"]


@pytest.mark.usefixtures("seccomp")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the x32 ABI exists on x86_64 only")
def test_x32_numbers_kill_the_process() -> None:
    code = """
        import ctypes
        lock(memory_bytes=1 << 30)
        ctypes.CDLL(None).syscall(ctypes.c_long((1 << 30) + 39))
        result = "survived"
    """
    with pytest.raises(AssertionError):
        locked(code)


def test_unknown_machine_skips_seccomp_and_says_so(level: SandboxLevel) -> None:
    result = locked("""
        import platform
        platform.machine = lambda: "riscv64"
        level = lock(memory_bytes=1 << 30)
        result = [level.rlimits, level.landlock, level.seccomp]
    """)
    assert result == [level.rlimits, level.landlock, False]


@pytest.mark.usefixtures("rlimits")
def test_memory_beyond_the_limit_is_a_memory_error() -> None:
    result = locked("""
        lock(memory_bytes=256 << 20)
        small = bytearray(32 << 20)
        result = [len(small), attempt(lambda: bytearray(1 << 30)), attempt(lambda: len(small))]
    """)
    assert result == [32 << 20, "MemoryError", str(32 << 20)]


@pytest.mark.usefixtures("rlimits")
@pytest.mark.parametrize(
    ("fsize", "expected"), [(0, ["OSError", "OSError"]), (4096, ["4096", "OSError"])]
)
def test_memory_files_grow_only_to_the_limit(fsize: int, expected: list[str]) -> None:
    result = locked(f"""
        inherited = os.memfd_create("answers")
        lock(memory_bytes=1 << 30, fsize={fsize})
        result = [
            attempt(lambda: os.pwrite(inherited, bytes(4096), 0)),
            attempt(lambda: os.ftruncate(inherited, 4097)),
        ]
    """)
    assert result == expected


@pytest.mark.usefixtures("rlimits")
def test_inherited_pipe_and_memory_file_carry_answers() -> None:
    reader, writer = os.pipe()
    memory = os.memfd_create("answers")
    try:
        result = locked(
            f"""
            lock(memory_bytes=1 << 30, fsize=1 << 20)
            result = [os.write({writer}, b"through the pipe"), os.write({memory}, bytes(100000))]
            """,
            pass_fds=(writer, memory),
        )
        assert result == [16, 100000]
        assert os.read(reader, 100) == b"through the pipe"
        assert os.fstat(memory).st_size == 100000
    finally:
        for descriptor in (reader, writer, memory):
            os.close(descriptor)


@pytest.mark.usefixtures("rlimits")
def test_descriptors_run_out() -> None:
    result = locked("""
        lock(memory_bytes=1 << 30)
        result = attempt(lambda: [os.dup(0) for _ in range(100)])
    """)
    assert result == "OSError"


def test_threads_still_start(level: SandboxLevel) -> None:
    result = locked("""
        level = lock(memory_bytes=1 << 30)
        done = []
        threads = [threading.Thread(target=done.append, args=(n,)) for n in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        result = [level.seccomp, sorted(done)]
    """)
    assert result == [level.seccomp, [0, 1, 2, 3]]


@pytest.mark.usefixtures("level")
def test_pytsk3_parses_an_image_opened_before(tmp_path: Path) -> None:
    pytest.importorskip("pytsk3")
    # Through a descriptor of ours: Img_Info(path) opens the file at the first read, and when that
    # is denied it answers zeros without an error.
    partition = struct.pack("<B3xB3xII", 0, 0x83, 8, 16)
    image = bytes(446) + partition + bytes(48) + b"\x55\xaa" + bytes(23 * 512)
    (tmp_path / "image.raw").write_bytes(image)
    result = locked(f"""
        import pytsk3

        class Image(pytsk3.Img_Info):
            def __init__(self, path):
                self.descriptor = os.open(path, os.O_RDONLY)
                super().__init__("")

            def read(self, offset, length):
                return os.pread(self.descriptor, length, offset)

            def get_size(self):
                return os.fstat(self.descriptor).st_size

        image = Image({str(tmp_path / "image.raw")!r})
        lock(memory_bytes=1 << 30)
        result = [(part.start, part.len) for part in pytsk3.Volume_Info(image)]
    """)
    assert result == [[0, 1], [0, 8], [8, 16]]


@pytest.mark.usefixtures("level")
def test_worker_dies_with_its_parent() -> None:
    # The worker keeps `alive` open; when it is gone, reading from the other end meets the end.
    reader, alive = os.pipe()
    parent = f"""
import os, time
from triage.engine.sandbox import lock
ready, said = os.pipe()
if os.fork() == 0:
    lock(memory_bytes=1 << 30)
    os.write(said, b"x")
    time.sleep(600)
os.close({alive})
os.read(ready, 1)
"""
    try:
        subprocess.run([sys.executable, "-c", parent], pass_fds=(alive,), check=True, timeout=60)
        os.close(alive)
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers on this host")
    text = HEADERS[machine].read_text()
    defined = {
        name: int(number)
        for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s", text)
    }
    calls = sandbox.denied_calls(machine)
    known = {name: number for name, number in calls.items() if name in defined}
    assert len(known) > 80
    assert known == {name: defined[name] for name in known}
    assert len(set(calls.values())) == len(calls)
