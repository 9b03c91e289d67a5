/// Checks of a Compose file: what makes scaling, deploys or weir's discovery fail.
public enum ComposeCheck {
    /// What is wrong or risky in the file.
    ///
    /// - Throws: if the file cannot be read, or is no YAML. The caller prints it.
    public static func run(
        file path: String, environment: [String: String]
    ) throws(ControlError) -> [Advice] {
        do throws(ConfigurationFile.Failure) {
            let bytes = try ConfigurationFile.bytes(path)
            return try check(bytes, file: path, environment: environment)
        } catch {
            throw ControlError("\(path): \(error.message)")
        }
    }

    static func check(
        _ bytes: [UInt8], file: String, environment: [String: String]
    ) throws(ConfigurationFile.Failure) -> [Advice] {
        var composer = YAMLComposer(bytes, environment: environment)
        let document: YAMLNode?
        do throws(YAMLFailure) {
            document = try composer.document()
        } catch {
            throw ConfigurationFile.Failure(message: "line \(error.mark.line): \(error.message)")
        }
        guard let services = document?.entry("services")?.value.entries, !services.isEmpty else {
            throw ConfigurationFile.Failure(message: "there are no services in it")
        }
        return services.flatMap { ComposeService(file: file, entry: $0).advice }
    }
}

/// One service of a Compose file.
struct ComposeService {
    let file: String
    let entry: YAMLNode.Entry

    /// Containers that have to finish within less are killed with requests in flight.
    static let graceSecondsWanted = 10

    private var node: YAMLNode { entry.value }
    private var deploy: YAMLNode? { node.entry("deploy")?.value }

    private var replicas: Int {
        let text = node.entry("scale")?.value.text ?? deploy?.entry("replicas")?.value.text
        return text.flatMap { Int($0) } ?? 1
    }

    private var isWeir: Bool {
        let image = node.entry("image")?.value.text ?? ""
        let name = image.split(separator: "/").last?.split(separator: ":").first
        return name == "weir"
    }

    var advice: [Advice] {
        [
            fixedName, fixedPort, shortGrace, shellCommand, virtualAddress, noRestart,
            hostNetwork, dockerSocket,
        ].compactMap(\.self)
    }

    private func advice(
        _ gravity: Advice.Gravity, _ mark: Mark, _ problem: String, _ remedy: String
    ) -> Advice {
        Advice(
            gravity: gravity, place: "\(file):\(mark.line):\(mark.column)",
            problem: "service \(entry.key): \(problem)", remedy: remedy)
    }

    private var fixedName: Advice? {
        guard let name = node.entry("container_name"), !isWeir else { return nil }
        return advice(
            replicas > 1 ? .wrong : .risky, name.keyMark,
            "container_name lets it have one container only, so that it can be neither scaled nor"
                + " replaced while the old one serves", "remove container_name")
    }

    private var fixedPort: Advice? {
        guard let ports = node.entry("ports"), !isWeir,
            case .sequence(let list) = ports.value.content,
            let fixed = list.first(where: { ComposeService.isFixed($0) })
        else { return nil }
        return advice(
            replicas > 1 ? .wrong : .risky, fixed.mark,
            "a port of the host is for one container only; clients that use it also go past weir",
            "remove ports, and let weir have the port")
    }

    private static func isFixed(_ port: YAMLNode) -> Bool {
        if let text = port.text { return text.split(separator: ":").count > 1 }
        return port.entry("published") != nil
    }

    private var shortGrace: Advice? {
        guard let grace = node.entry("stop_grace_period"), let text = grace.value.text,
            let seconds = ComposeService.seconds(text),
            seconds < ComposeService.graceSecondsWanted
        else { return nil }
        return advice(
            .risky, grace.keyMark,
            "stop_grace_period is \(text): what takes longer is killed in the middle of its work",
            "write stop_grace_period: 30s, or leave it out for 10s")
    }

    private var shellCommand: Advice? {
        for key in ["command", "entrypoint"] {
            guard let command = node.entry(key) else { continue }
            let first: String?
            if case .sequence(let words) = command.value.content {
                first = words.first?.text
            } else {
                first = command.value.text?.split(separator: " ").first.map(String.init)
            }
            guard let program = first?.split(separator: "/").last,
                ["sh", "bash", "ash", "npm", "yarn"].contains(String(program)),
                !isExec(command.value), node.entry("init")?.value.text != "true"
            else { continue }
            return advice(
                .risky, command.keyMark,
                "\(program) does not pass SIGTERM on, so that the app is killed in the middle of"
                    + " its work at each deploy",
                "start the app itself (exec), or write init: true")
        }
        return nil
    }

    private func isExec(_ command: YAMLNode) -> Bool {
        if case .sequence(let words) = command.content {
            return words.contains { $0.text?.contains("exec ") == true }
        }
        return command.text?.contains("exec ") == true
    }

    private var virtualAddress: Advice? {
        guard let deploy, replicas > 1, let mode = deploy.entry("endpoint_mode"),
            mode.value.text == "vip"
        else { return nil }
        return advice(
            .risky, mode.keyMark,
            "in a Swarm its name is one virtual address, behind which weir sees no replica",
            "write endpoint_mode: dnsrr, or discover: \"tasks.\(entry.key):PORT\"")
    }

    private var noRestart: Advice? {
        guard replicas > 1, node.entry("restart") == nil, deploy?.entry("restart_policy") == nil
        else { return nil }
        return advice(
            .risky, entry.keyMark, "a replica that crashes stays away: there is no restart",
            "write restart: unless-stopped")
    }

    private var hostNetwork: Advice? {
        guard let mode = node.entry("network_mode"), isWeir,
            mode.value.text == "host" || mode.value.text == "bridge"
        else { return nil }
        return advice(
            .wrong, mode.keyMark,
            "with network_mode: \(mode.value.text ?? "") Docker's resolver is not there, and weir"
                + " finds no service by its name", "remove network_mode")
    }

    private var dockerSocket: Advice? {
        guard isWeir, let volumes = node.entry("volumes"),
            case .sequence(let list) = volumes.value.content,
            let socket = list.first(where: { $0.text?.contains("docker.sock") == true })
        else { return nil }
        return advice(
            .risky, socket.mark,
            "whoever has docker.sock owns the machine, and weir does not need it", "remove it")
    }

    /// `90`, `30s`, `1m30s` in seconds; nil if it is none.
    static func seconds(_ text: String) -> Int? {
        if let number = Int(text) { return number }
        var total = 0
        var digits = ""
        for character in text {
            if character.isNumber {
                digits.append(character)
                continue
            }
            guard let count = Int(digits), let unit = ["h": 3_600, "m": 60, "s": 1][character]
            else { return nil }
            total += count * unit
            digits = ""
        }
        return digits.isEmpty ? total : nil
    }
}
