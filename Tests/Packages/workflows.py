"""The workflows of GitHub: valid, pinned, with the least permissions, and calling what exists."""

import re
import subprocess

from lab.machine import REPOSITORY
from lab.report import Cases, Finding

from tools import Tools, read_yaml

cases = Cases()

FOLDER = REPOSITORY / ".github" / "workflows"
LINT = "{extends: default, rules: {line-length: {max: 100}, document-start: disable, " \
       "truthy: {check-keys: false}, braces: {max-spaces-inside: 1}, " \
       "comments: {min-spaces-from-content: 1}}}"
# Who may write what, and nobody else anything.
WRITES = {
    ("release", "image"): {"packages", "id-token", "attestations"},
    ("release", "publish"): {"contents", "id-token", "attestations"},
}


def checked(*command: str) -> tuple[bool, str]:
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout


@cases.case("workflows: good YAML, by the schema of GitHub's workflows")
async def schema(tools: Tools) -> Finding:
    finding = Finding()
    files = sorted(FOLDER.glob("*.yaml"))
    finding.expect([file.stem for file in files] == ["ci", "release"], f"{files}")
    for file in files:
        finding.expect(*checked(str(tools.checkers / "yamllint"), "--strict", "-d", LINT,
                                str(file)))
        finding.expect(*checked(str(tools.checkers / "check-jsonschema"), "--builtin-schema",
                                "vendor.github-workflows", str(file)))
    wrong = tools.folder / "wrong.yaml"
    wrong.write_text(files[0].read_text().replace("runs-on:", "run-on:"))
    accepted, said = checked(str(tools.checkers / "check-jsonschema"), "--builtin-schema",
                             "vendor.github-workflows", str(wrong))
    finding.expect(not accepted, f"the schema takes run-on: {said}")
    return finding


@cases.case("workflows: actions are pinned to commits, and no job may do more than it must")
async def least(tools: Tools) -> Finding:
    finding = Finding()
    for file in FOLDER.glob("*.yaml"):
        for used in re.findall(r"uses: (.*)", file.read_text()):
            finding.expect(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)
                           is not None, f"{file.name} uses {used}")
        workflow = read_yaml(tools, file)
        finding.expect(workflow["permissions"] == {}, f"{file.name}: permissions for all jobs")
        for name, job in workflow["jobs"].items():
            permissions = job.get("permissions", {})
            writes = {what for what, how in permissions.items() if how != "read"}
            finding.expect(writes == WRITES.get((file.stem, name), set()),
                           f"{file.name}: {name} may write {writes}")
            finding.expect("timeout-minutes" in job, f"{file.name}: {name} may take for ever")
            finding.expect("${{" not in "".join(step.get("run", "") for step in job["steps"]),
                           f"{file.name}: {name} puts an expression into a script")
    return finding


@cases.case("workflows: what they call exists, with all sections of the tests; their jobs are told")
async def calls(tools: Tools) -> Finding:
    finding = Finding()
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.M))
    script = (REPOSITORY / "Scripts" / "test").read_text()
    sections = set(re.search(r"^all=\((.*?)\)", script, re.M | re.S)[1].split())
    page = (REPOSITORY / "docs" / "testing.md").read_text()
    for file in FOLDER.glob("*.yaml"):
        workflow = read_yaml(tools, file)
        for name, job in workflow["jobs"].items():
            finding.expect(f"| {file.stem} | {name} |" in page, f"docs/testing.md has no {name}")
            for step in job["steps"]:
                called = set(re.findall(r"\bmake ([a-z][a-z-]*)", step.get("run", "")))
                called -= {"git"}
                finding.expect(called <= targets, f"{file.name}: make {called - targets}")
    ci = (FOLDER / "ci.yaml").read_text()
    jobs = read_yaml(tools, FOLDER / "ci.yaml")["jobs"]
    run = {section for job in jobs.values()
           for several in job.get("strategy", {}).get("matrix", {}).get("sections", [])
           for section in several.split()} - {"others"}
    # The others are all but those that the step itself names.
    named = set(re.search(r"named='(.*)'", ci)[1].split("|"))
    finding.expect(run == named <= sections, f"ci.yaml runs {sorted(run)}, but names"
                   f" {sorted(named)}; Scripts/test has {sorted(sections)}")
    return finding
