"""Where a batch runs: processes of this machine, a running scheduler, or the queue of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocap.capture.toml_tables import check_keys, load_toml, text, whole_number
from mocap.core.errors import InputError, MissingExtraError
from mocap.core.kernels.processors import VARIABLE, usable_processors
from mocap.workflow.batch.choices import BatchChoice

if TYPE_CHECKING:
    from distributed import Client

QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}
KINDS = ("scheduler", *QUEUES)

DEATHS = 10
"""Workers that may die at a step before it is given up: machines of a cluster are taken away."""

BYTES_OF_A_WORKER = 2 * 2**30
"""Every stage keeps below this, so that processes times it fit into a machine."""

FIND_S = 60.0
"""How long a scheduler is waited for."""

_JOB_KEYS = {
    "cores": "cores",
    "processes": "processes",
    "memory": "memory",
    "walltime": "walltime",
    "queue": "queue",
    "account": "account",
    "interface": "interface",
    "before": "job_script_prologue",
    "directives": "job_extra_directives",
    "logs": "log_directory",
}
"""What a queue is told, and what dask-jobqueue calls it."""


@dataclass(frozen=True)
class Cluster:
    """What a cluster file says.

    Attributes:
        kind: "local", "scheduler", or a queue.
        address: of the scheduler.
        workers: processes of this machine.
        jobs: jobs of a queue.
        job: what dask-jobqueue is told of each.
    """

    kind: str
    address: str = ""
    workers: int = 1
    jobs: int = 1
    job: Mapping[str, Any] = field(default_factory=dict)


def cluster_of(choice: BatchChoice, takes: int) -> Cluster:
    """Return where a batch of so many takes runs.

    Raises:
        InputError: the cluster file cannot be used, or there is one and a number of workers.
    """
    if choice.cluster is None:
        return Cluster("local", workers=choice.workers or usual_workers(takes))
    if choice.workers is not None:
        raise InputError(
            "--workers is for this machine, --cluster for others. Leave one out; the file says "
            "how many jobs."
        )
    return _from_file(choice.cluster)


def _from_file(path: Path) -> Cluster:
    said = load_toml(path)
    kind = text(said, "kind", path)
    if kind not in KINDS:
        raise InputError(f"{path}: kind is '{kind}'; known: {', '.join(KINDS)}.")
    if kind == "scheduler":
        check_keys(said, ("kind", "address"), path)
        return Cluster(kind, address=text(said, "address", path))
    check_keys(said, ("kind", "jobs", *_JOB_KEYS), path)
    text(said, "memory", path)
    whole_number(said, "cores", path)
    jobs = whole_number(said, "jobs", path)
    if jobs < 1:
        raise InputError(f"{path}: 'jobs' is {jobs}; at least one is needed.")
    job: dict[str, Any] = {"processes": 1}
    job |= {_JOB_KEYS[key]: value for key, value in said.items() if key in _JOB_KEYS}
    share = max(1, whole_number(said, "cores", path) // int(job["processes"]))
    # Before the worker starts: what else a job needs, and how much of its machine each may use.
    exported = {**_environment(share), **_settings_by_name()}
    lines = [f"export {name}={value}" for name, value in exported.items()]
    before = [*job.get("job_script_prologue", ()), *lines]
    return Cluster(kind, jobs=jobs, job={**job, "job_script_prologue": before})


def usual_workers(takes: int) -> int:
    """Return how many processes work on so many takes: one a core, as far as memory reaches."""
    import psutil

    room = int(psutil.virtual_memory().available // BYTES_OF_A_WORKER)
    return max(1, min(usable_processors(), room, takes))


@contextmanager
def connected(cluster: Cluster) -> Iterator[Client]:
    """Give a client of a cluster, and end what was started for it.

    Raises:
        InputError: nothing answers at the scheduler's address, or the queue refuses the jobs.
        MissingExtraError: the queue needs a package that is not installed.
    """
    import logging

    import dask
    from distributed import Client

    # What Dask says of connections that end is said here in one sentence.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)

    with dask.config.set(_settings()):
        if cluster.kind == "scheduler":
            try:
                client = Client(cluster.address, timeout=FIND_S, set_as_default=False)
            except (OSError, ValueError) as error:
                raise InputError(
                    f"no scheduler answers at {cluster.address} ({error}). Start `dask scheduler` "
                    "there, and `dask worker` on every machine, or correct the address."
                ) from error
            with client:
                yield client
            return
        with _started(cluster) as machines, Client(machines, set_as_default=False) as client:
            yield client


def _settings() -> dict[str, object]:
    return {
        "distributed.scheduler.allowed-failures": DEATHS,
        # Memory is of numpy and of networks, which Dask can neither see nor move to a disk.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        # Nobody looks at what Dask finds out a hundred times a second: a sixth of a short batch.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "500ms",
        "distributed.admin.system-monitor.interval": "10s",
    }


def _settings_by_name() -> dict[str, str]:
    """Return the settings as variables of the environment: jobs of a queue inherit nothing else."""
    return {
        f"DASK_{key.upper().replace('.', '__').replace('-', '_')}": str(value)
        for key, value in _settings().items()
    }


@contextmanager
def _started(cluster: Cluster) -> Iterator[Any]:
    if cluster.kind == "local":
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=cluster.workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
            silence_logs=50,
            env=worker_environment(cluster.workers),
        ) as machines:
            yield machines
        return
    try:
        import dask_jobqueue
    except ImportError as error:
        raise MissingExtraError(
            f"jobs on {cluster.kind} need a package: pip install 'mocap-studio[cluster]'."
        ) from error
    try:
        machines = getattr(dask_jobqueue, QUEUES[cluster.kind])(**cluster.job)
    except (TypeError, ValueError) as error:
        raise InputError(f"the cluster file does not describe a job of {cluster.kind}: {error}") \
            from error  # fmt: skip
    with machines:
        machines.scale(jobs=cluster.jobs)
        yield machines


def worker_environment(workers: int) -> dict[str, str]:
    """Return the environment of one of several processes that share this machine."""
    return _environment(max(1, usable_processors() // workers))


def _environment(processors: int) -> dict[str, str]:
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**dict.fromkeys(threads, "1"), VARIABLE: str(processors)}
