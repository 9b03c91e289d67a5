"""The manifests in conf/kubernetes: right by the schemas, by weir, and with each other."""

import os
import subprocess

from lab.machine import REPOSITORY
from lab.report import Cases, Finding

from tools import Tools, read_yaml, weir_program

cases = Cases()

FOLDER = REPOSITORY / "conf" / "kubernetes"
# The oldest with `preStop: sleep` without a feature gate, and the newest that is known.
VERSIONS = ("1.30", "1.37")
MEBIBYTE = 1 << 20
UNITS = {"Mi": MEBIBYTE, "MiB": MEBIBYTE, "s": 1}


def quantity(text: str) -> int:
    number = text.rstrip("MiBs")
    return int(number) * UNITS[text[len(number):]]


@cases.case("Kubernetes: the manifests keep to the schemas")
async def schemas(tools: Tools) -> Finding:
    finding = Finding()
    files = [str(path) for path in sorted(FOLDER.glob("*.yaml"))]
    for version in VERSIONS:
        done = subprocess.run(
            [str(tools.checkers / "kubernetes-validate"), "--strict", "-k", version, *files],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        finding.expect(done.returncode == 0 and done.stdout.count(" passed for ") == len(files),
                       done.stdout)
    finding.notes.append(f"{len(files)} files, Kubernetes {' and '.join(VERSIONS)}")
    return finding


@cases.case("Kubernetes: the schemas refuse a key that is misspelt")
async def schemas_refuse(tools: Tools) -> Finding:
    finding = Finding()
    wrong = tools.folder / "wrong.yaml"
    wrong.write_text((FOLDER / "deployment.yaml").read_text().replace("preStop:", "prestop:"))
    done = subprocess.run(
        [str(tools.checkers / "kubernetes-validate"), "--strict", "-k", VERSIONS[1], str(wrong)],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    finding.expect(done.returncode != 0 and "prestop" in done.stdout, done.stdout)
    return finding


@cases.case("Kubernetes: weir takes the file of the ConfigMap")
async def configuration(tools: Tools) -> Finding:
    finding = Finding()
    text = read_yaml(tools, FOLDER / "configmap.yaml")["data"]["weir.yaml"]
    file = tools.folder / "weir.yaml"
    for name, body in [("as it stands", text), ("by SRV", by_srv(text))]:
        file.write_text(body)
        done = subprocess.run([str(weir_program()), "check", str(file)], text=True,
                              env={**os.environ, "NAMESPACE": "default"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        finding.expect(done.returncode == 0, f"{name}: {done.stdout}")
    return finding


def by_srv(text: str) -> str:
    """The file with the source that its comment names."""
    lines = text.splitlines()
    comment = next(line for line in lines if '"srv:' in line)
    source = comment[comment.index('"'):]
    place = next(place for place, line in enumerate(lines) if "discover:" in line)
    lines[place] = lines[place].split("discover:")[0] + "discover: " + source
    return "\n".join(lines) + "\n"


@cases.case("Kubernetes: ports, labels, volumes, times and memory agree with each other")
async def agreement(tools: Tools) -> Finding:
    finding = Finding()
    read = {path.stem: read_yaml(tools, path) for path in FOLDER.glob("*.yaml")}
    weir = read_yaml(tools, read["configmap"]["data"]["weir.yaml"])
    spec = read["deployment"]["spec"]
    pod, container = spec["template"]["spec"], spec["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    bound = {"http": weir["listeners"]["web"]["bind"], "admin": weir["admin"]["bind"]}
    finding.expect({name: f":{port}" for name, port in ports.items()} == bound, f"{ports} {bound}")
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("readiness", "liveness")]
    finding.expect([(probe["path"], probe["port"]) for probe in probes]
                   == [("/ready", "admin"), ("/live", "admin")], str(probes))
    finding.expect(read["service"]["spec"]["ports"][0]["targetPort"] in ports, "the Service's port")
    labels = spec["template"]["metadata"]["labels"]
    for selector in (spec["selector"]["matchLabels"], read["service"]["spec"]["selector"],
                     read["disruption"]["spec"]["selector"]["matchLabels"]):
        finding.expect(selector == labels, f"{selector} selects not {labels}")
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    finding.expect(mounted == {volume["name"] for volume in pod["volumes"]}, str(mounted))
    leaving = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = leaving + quantity(weir["shutdown_timeout"])
    grace = pod["terminationGracePeriodSeconds"]
    finding.expect(grace > needed, f"{grace} s of grace for {needed} s")
    buffers = weir["workers"] * quantity(weir["limits"]["buffers_per_worker"])
    memory = quantity(container["resources"]["limits"]["memory"])
    finding.expect(memory >= buffers + 48 * MEBIBYTE, f"{memory} B for buffers of {buffers} B")
    finding.expect(spec["replicas"] > read["disruption"]["spec"]["minAvailable"],
                   "the budget forbids every disruption")
    service = read["application"]["metadata"]["name"]
    finding.expect(f'"{service}.${{NAMESPACE}}' in read["configmap"]["data"]["weir.yaml"]
                   and read["application"]["spec"]["clusterIP"] == "None", "no headless Service")
    return finding


@cases.case("Kubernetes: the pod has no root, no capability, and a read-only file system")
async def security(tools: Tools) -> Finding:
    finding = Finding()
    pod = read_yaml(tools, FOLDER / "deployment.yaml")["spec"]["template"]["spec"]
    own = pod["containers"][0]["securityContext"]
    finding.expect(pod["securityContext"]["runAsNonRoot"] is True, "root")
    finding.expect(f"USER {pod['securityContext']['runAsUser']}:" in
                   (REPOSITORY / "Dockerfile").read_text(), "not the user of the image")
    finding.expect(own == {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
                           "capabilities": {"drop": ["ALL"]}}, str(own))
    return finding
