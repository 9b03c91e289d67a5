"""Latencies at a fixed rate, below what any balancer can take: h2load paces the requests, and the
wait of a request that could not be sent in time is not left out."""

import subprocess

import subjects

RATE, CONNECTIONS = 5_000, 50


def latencies(subject, folder, seconds):
    """p50, p99 and p99.9 in microseconds."""
    path = folder / "h2load.log"
    path.unlink(missing_ok=True)
    words = ["taskset", "-c", subjects.LOAD_CPU, "h2load", "--h1", f"-c{CONNECTIONS}", "-t1",
             f"--rps={RATE // CONNECTIONS}", f"-D{seconds}", f"--log-file={path}",
             f"http://127.0.0.1:{subject.http}/"]
    subprocess.run(words, check=True, capture_output=True)
    taken = sorted(int(line.split("\t")[2]) for line in path.read_text().splitlines())
    def at(share):
        return taken[min(len(taken) - 1, int(len(taken) * share))]
    return {"rate": RATE, "requests": len(taken), "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999)}
