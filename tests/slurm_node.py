"""A SLURM of one node on this machine, out of Debian's slurm-wlm and munge; needs root.

Its daemons listen on 127.0.0.1 alone, keep all they write below one folder, and end with the test.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_TOOLS = ("munged", "slurmctld", "slurmd", "sinfo", "sbatch", "squeue", "scancel")
_READY_S, _GONE_S = 30.0, 30.0

_CONFIG = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mb} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Return why there can be no SLURM here; "" when there can."""
    missing = [tool for tool in _TOOLS if _tool(tool) is None]
    if missing:
        return f"{', '.join(missing)} not installed (apt install slurm-wlm munge)"
    return "" if os.name == "posix" and os.geteuid() == 0 else "SLURM's own daemons need root"


def _tool(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextmanager
def one_node(root: Path) -> Iterator[dict[str, str]]:
    """Run SLURM below `root`; give the environment in which its commands find it."""
    for name in ("munge", "state", "spool"):
        (root / name).mkdir(parents=True, exist_ok=True)
    key = root / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    config = root / "slurm.conf"
    config.write_text(
        _CONFIG.format(
            root=root, host=socket.gethostname(), ports=_free_ports(2), memory_mb=6000,
            cores=os.cpu_count(),
        ),
        encoding="utf-8",
    )  # fmt: skip
    environment = {**os.environ, "SLURM_CONF": str(config)}
    munge = root / "munge"
    daemons = (
        [_tool("munged"), "--foreground", "--force", f"--key-file={key}",
         f"--socket={munge}/socket", f"--pid-file={munge}/pid", f"--log-file={munge}/log",
         f"--seed-file={munge}/seed"],
        [_tool("slurmctld"), "-D"],
        [_tool("slurmd"), "-D"],
    )  # fmt: skip
    with ExitStack() as stack:
        for command in daemons:
            assert command[0] is not None
            process = subprocess.Popen(
                [str(part) for part in command], env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            stack.callback(_ended, process)
            time.sleep(0.5)
        _wait_until_idle(environment)
        stack.callback(_end_jobs, environment)
        yield environment


def _end_jobs(environment: dict[str, str]) -> None:
    """End what is still in the queue: its processes outlive the daemons that started them."""
    subprocess.run(["scancel", "--user=root"], env=environment, check=False)
    began = time.monotonic()
    while time.monotonic() - began < _GONE_S:
        queue = subprocess.run(["squeue", "-h"], env=environment, capture_output=True, text=True)
        if queue.returncode or not queue.stdout.strip():
            return
        time.sleep(0.5)


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in found]


def _wait_until_idle(environment: dict[str, str]) -> None:
    began = time.monotonic()
    while time.monotonic() - began < _READY_S:
        told = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True
        )
        if told.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    raise RuntimeError(f"SLURM did not start within {_READY_S:.0f} s")
