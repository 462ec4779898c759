"""Run code of a stranger: a forked process that may compute, read files and answer through one pipe, and nothing else.

The kernel refuses every other system call (seccomp with a list of what is allowed): no file is opened for writing,
deleted or renamed, no program or thread is started, no socket is made, no signal is sent, no limit is raised. CPU time
and memory have limits of the kernel; the parent stops what waits too long. What is not guarded: the code can read what
the user who grades can read (its only way out is its answer), and a fault of the kernel itself.

It needs Linux on x86-64 or ARM64. Elsewhere `run` raises EmolabError: grade in the container of the Dockerfile there.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emolab.errors import EmolabError

MOST_ANSWER = 8 * 2**20  # bytes
# What Python, numpy and torch on one thread call while they compute and import: number on x86-64, on ARM64 (0: none).
ALLOWED = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "stat": (4, 0), "fstat": (5, 80), "lstat": (6, 0),
    "lseek": (8, 62), "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67),
    "readv": (19, 65), "writev": (20, 66), "access": (21, 0), "sched_yield": (24, 124), "mremap": (25, 216),
    "madvise": (28, 233), "dup": (32, 23), "nanosleep": (35, 101), "getpid": (39, 172), "exit": (60, 93),
    "uname": (63, 160), "getcwd": (79, 17), "readlink": (89, 0), "gettimeofday": (96, 169), "getrusage": (98, 165),
    "sysinfo": (99, 179), "times": (100, 153), "getuid": (102, 174), "getgid": (104, 176), "geteuid": (107, 175),
    "getegid": (108, 177), "getppid": (110, 173), "sigaltstack": (131, 132), "gettid": (186, 178),
    "futex": (202, 98), "sched_getaffinity": (204, 123), "getdents64": (217, 61), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "exit_group": (231, 94), "newfstatat": (262, 79),
    "readlinkat": (267, 78), "faccessat": (269, 48), "getcpu": (309, 168), "getrandom": (318, 278),
    "membarrier": (324, 283), "statx": (332, 291), "rseq": (334, 293), "faccessat2": (439, 439),
}  # fmt: skip
OPEN, OPENAT = (2, 0), (257, 56)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
KILL, REFUSE, ALLOW = 0x80000000, 0x00050000 | 1, 0x7FFF0000
SET_PDEATHSIG, SET_NO_NEW_PRIVS, SET_SECCOMP = 1, 38, 22


@dataclass(frozen=True)
class Limits:
    """What one run may use: seconds of CPU and of wall time, and bytes of memory beyond what the grader holds."""

    cpu_seconds: int = 10
    wall_seconds: float = 30.0
    memory: int = 2**30


@dataclass(frozen=True)
class Outcome:
    """`value` is what came back, None unless `ended` is "well"; else it is "time", "memory", "crash" or "garbled"."""

    ended: str
    value: Any = None


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def run(work: Callable[[], Any], limits: Limits | None = None) -> Outcome:
    """Call `work` in a guarded process; its result must be JSON. Raises EmolabError where this system has no guard."""
    program, given = _program(), limits or Limits()
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_child(work, given, program, writing)
    os.close(writing)
    try:
        answer, late = _receive(reading, given.wall_seconds)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
    if late:
        return Outcome("time")
    if not answer:  # the kernel counts CPU time in ticks, so that it may stop a process a little early
        spent = usage.ru_utime + usage.ru_stime
        return Outcome("time" if os.WIFSIGNALED(status) and spent > 0.7 * given.cpu_seconds else "crash")
    try:
        ended, value = json.loads(answer)
    except (ValueError, TypeError, RecursionError):
        return Outcome("garbled")
    return Outcome("well", value) if ended == "well" else Outcome("memory" if ended == "memory" else "crash")


def _receive(reading: int, seconds: float) -> tuple[bytes, bool]:
    """All bytes up to the end of the pipe, and whether the time ran out before it."""
    parts: list[bytes] = []
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0]:
            part = os.read(reading, 2**16)
            if not part:
                return b"".join(parts), False
            parts.append(part)
            if sum(map(len, parts)) > MOST_ANSWER:
                return b"[]", False
    return b"", True


def _be_the_child(work: Callable[[], Any], limits: Limits, program: bytes, writing: int) -> None:
    """Take the guards on, do the work, answer, and end; this never returns."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.dup2(writing, 3)
        os.closerange(4, 65536)
        os.environ.clear()
        os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
        _limit(limits)
        _guard(program)
        try:
            answer = json.dumps(["well", work()])
        except MemoryError:
            answer = json.dumps(["memory", None])
        rest = answer.encode()
        while rest:
            rest = rest[os.write(3, rest) :]
    finally:
        os._exit(0)


def _limit(limits: Limits) -> None:
    with open("/proc/self/statm") as statistics:  # noqa: PTH123 - pathlib would import more after the fork
        held = int(statistics.read().split()[0]) * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, held + limits.memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _guard(program: bytes) -> None:
    """Hand the filter to the kernel. Raises OSError where the kernel refuses it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    made = _Program(len(program) // 8, program)
    if libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, 2, ctypes.byref(made), 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refuses the filter")


def _program() -> bytes:
    """The filter, in the kernel's BPF: eight bytes an instruction. Raises EmolabError on another system than Linux."""
    machine = platform.machine().lower()
    if sys.platform != "linux" or machine not in MACHINES:
        raise EmolabError(
            f"strangers' code is guarded on Linux (x86-64, ARM64), and this is {sys.platform} on {machine}: "
            "grade in the container that the Dockerfile makes"
        )
    column, architecture = MACHINES[machine]

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    steps = [step(LOAD, 4), step(EQUAL, architecture, 1, 0), step(RETURN, KILL), step(LOAD, 0)]
    for call, argument in ((OPEN[column], 1), (OPENAT[column], 2)):
        if call or column == 0:
            steps += [
                step(EQUAL, call, 0, 4),
                step(LOAD, 16 + 8 * argument),
                step(ANY_BIT, WRITING, 0, 1),
                step(RETURN, REFUSE),
                step(RETURN, ALLOW),
            ]
    for numbers in ALLOWED.values():
        if numbers[column] or (column == 0 and numbers is ALLOWED["read"]):
            steps += [step(EQUAL, numbers[column], 0, 1), step(RETURN, ALLOW)]
    return b"".join([*steps, step(RETURN, REFUSE)])
