import Testing

@testable import ControlPlane

@Suite("The doctor")
struct DoctorTests {
    private func check(_ service: String, image: String = "shop") throws -> [Advice] {
        let text = "services:\n  app:\n    image: \(image)\n    \(service)\n"
        return try ComposeCheck.check(Array(text.utf8), file: "c.yaml", environment: [:])
    }

    @Test(
        "Each foot-gun of a Compose file is found at its place, with its gravity",
        arguments: [
            ("scale: 3\n    container_name: app\n    restart: always", "5:5", "wrong", "remove"),
            ("container_name: app", "4:5", "risky", "container_name"),
            ("scale: 3\n    restart: always\n    ports: [\"80:80\"]", "6:13", "wrong", "weir"),
            ("ports:\n      - { target: 80, published: 80 }", "5:9", "risky", "remove ports"),
            ("stop_grace_period: 1s", "4:5", "risky", "30s"),
            ("command: npm start", "4:5", "risky", "init: true"),
            ("entrypoint: [\"/bin/sh\", \"-c\", \"app\"]", "4:5", "risky", "exec"),
            (
                "deploy: { replicas: 2, restart_policy: {}, endpoint_mode: vip }", "4:48", "risky",
                "tasks.app"
            ),
            ("scale: 2", "2:3", "risky", "unless-stopped"),
        ])
    func found(service: String, place: String, gravity: String, remedy: String) throws {
        let advice = try check(service)
        #expect(advice.count == 1, "\(advice)")
        let text = try #require(advice.first).description
        #expect(text.hasPrefix("c.yaml:\(place): \(gravity): service app: "), "\(text)")
        #expect(text.contains(remedy), "\(text)")
    }

    @Test(
        "What is sound is left alone",
        arguments: [
            "ports: [\"80\"]", "stop_grace_period: 1m30s",
            "command: [\"sh\", \"-c\", \"exec app\"]",
            "command: npm start\n    init: true", "scale: 2\n    restart: always",
        ])
    func sound(service: String) throws {
        #expect(try check(service) == [])
    }

    @Test(
        "weir itself may have a name and ports, but neither the host's network nor its socket"
    )
    func weir() throws {
        #expect(try check("ports: [\"80:80\"]\n    container_name: w", image: "a/weir:1") == [])
        #expect(try check("network_mode: host", image: "weir:latest").first?.gravity == .wrong)
        let socket = "volumes: [\"/var/run/docker.sock:/var/run/docker.sock\"]"
        #expect(try check(socket, image: "weir").first?.gravity == .risky)
    }

    @Test("A file that is no Compose file is told so")
    func none() {
        for text in ["a: [", "volumes: {}"] {
            #expect(throws: ConfigurationFile.Failure.self) {
                try ComposeCheck.check(Array(text.utf8), file: "c.yaml", environment: [:])
            }
        }
    }

    @Test("The machine's limits and resolver are judged by their numbers")
    func machine() {
        var facts = MachineFacts()
        facts.openFilesMaximum = 1_024
        facts.acceptQueueMaximum = 128
        facts.localPorts = 50_000...60_000
        facts.nameservers = ["10.0.0.1"]
        facts.isContainer = true
        let bad = MachineCheck.advice(facts)
        #expect(bad.map(\.gravity) == [.risky, .risky, .risky, .wrong])
        facts.openFilesMaximum = 1_048_576
        facts.acceptQueueMaximum = 4_096
        facts.localPorts = 32_768...60_999
        facts.nameservers = ["127.0.0.11"]
        #expect(MachineCheck.advice(facts) == [])
        facts.nameservers = []
        #expect(MachineCheck.advice(facts).map(\.gravity) == [.wrong])
    }

    @Test("What the system says of limits and resolvers is read")
    func files() {
        let limits = "Limit  Soft Limit  Hard Limit\nMax open files   1024   524288   files\n"
        #expect(MachineCheck.hardLimit(in: limits) == 524_288)
        #expect(
            MachineCheck.nameservers(in: "# a\nnameserver 127.0.0.11\noptions ndots:0\n")
                == ["127.0.0.11"])
    }
}
