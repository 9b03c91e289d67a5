"""What weir passes on, read by the parsers of other projects."""

import asyncio
import subprocess
from pathlib import Path

from lab.report import Cases, Finding

from counting import environment
from front import Front
from servers import free_port

cases = Cases()

SEED = 20261127
COUNT = 1500


@cases.case("h11 and llhttp read the same messages in what weir passes on")
async def differ(kind: str, folder: Path) -> Finding:
    finding = Finding()
    replica = free_port()
    python = await asyncio.to_thread(environment) / "python"
    script = Path(__file__).parent / "parsers" / "differ.py"
    with Front(kind, folder, http={"parsers": [replica]}) as front:
        process = subprocess.Popen(
            [str(python), str(script), str(front.ports["parsers"]), str(replica), str(SEED),
             str(COUNT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            said, _ = await asyncio.to_thread(process.communicate, "\n", 120)
        finally:
            process.kill()
    finding.notes = said.splitlines()[-1:]
    finding.expect(process.returncode == 0, said[-8_000:])
    return finding
