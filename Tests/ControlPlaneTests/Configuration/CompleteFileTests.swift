import Balancing
import Testing
import Transport

@testable import ControlPlane

@Suite("Configuration: files and reference")
struct CompleteFileTests {
    static let files = ["minimal", "tcp", "canary", "rollout", "hosts", "tls", "complete"]

    @Test("Every file in conf/ loads", arguments: files)
    func loads(name: String) throws {
        let path = "conf/\(name).yaml"
        let outcome = ConfigurationReader.read(file: "\(repository)/\(path)", environment: [:])
        #expect(outcome.problems == [])
        #expect(outcome.configuration != nil)
    }

    @Test("The minimal file has ten lines at most")
    func minimal() throws {
        #expect(try contents("conf/minimal.yaml").split(separator: "\n").count <= 10)
    }

    @Test("The README shows the minimal file, and compose.yaml publishes the port that it binds")
    func minimalElsewhere() throws {
        let text = try contents("conf/minimal.yaml")
        #expect(try contents("README.md").contains("```yaml\n\(text)```\n"))
        let port = try #require(try accepted(text).listeners.first?.bind.port)
        #expect(try contents("compose.yaml").contains(":\(port)\"]\n"))
    }

    @Test("The complete file has every key of the reader, and no other")
    func completeFile() throws {
        let known = Set(
            SectionList.all.flatMap { section in
                section.keys.map { KeyPathText.join(section.path, $0) }
            })
        let written = Set(try KeyPathText.leaves(of: "conf/complete.yaml").keys)
        #expect(known.subtracting(written) == [])
        #expect(written.subtracting(known) == [])
    }

    @Test("The values in the complete file are the defaults of the code")
    func defaults() throws {
        let configuration = try accepted(contents("conf/complete.yaml"))
        let web = try #require(configuration.pools.first { $0.name == "web" })
        var probe = web.probe
        guard case .http = probe.kind else {
            Issue.record("the probe of the pool 'web' is not HTTP")
            return
        }
        probe.kind = .tcp
        probe.timeoutMilliseconds = nil
        #expect(probe == ProbeConfiguration())
        #expect(web.settings == PoolSettings())
        #expect(web.policy == .roundRobin)
        #expect(web.drain == DrainConfiguration())
        #expect(web.addresses == .automatic)
        #expect(web.ejection == EjectionConfiguration())
        #expect(web.hashKey == .clientAddress)
        #expect(web.slowStart == PoolConfiguration(name: "web").slowStart)
        #expect(configuration.dns == DNSConfiguration())
        var admin = configuration.admin
        admin.tokenPath = nil
        #expect(admin == AdminConfiguration())
        #expect(configuration.log == LogConfiguration())
        #expect(configuration.tracing == TracingConfiguration())
        #expect(configuration.limits == Limits())
        var plan = try #require(configuration.rollouts.first?.plan)
        plan.to = ""
        plan.hooks = RolloutHooks()
        #expect(plan == RolloutPlan())
        #expect(configuration.workers == Configuration().workers)
        #expect(configuration.statePath == Configuration().statePath)
        let shutdown = Configuration().shutdownTimeoutMilliseconds
        #expect(configuration.shutdownTimeoutMilliseconds == shutdown)
    }

    @Test("Every limit and every setting of a pool has a key")
    func everyField() {
        #expect(Mirror(reflecting: Limits()).children.count == Limits.section.keys.count)
        #expect(Mirror(reflecting: RolloutPlan()).children.count == RolloutPlan.section.keys.count)
        let keys =
            PoolSettings.hold.keys.count + PoolSettings.timeouts.keys.count
            + PoolSettings.retry.keys.count
        let others = [
            "attempts", "max_in_flight", "idle_connections", "protocol", "proxy_protocol",
        ]
        let own = PoolConfiguration.section.supported.filter { others.contains($0) }.count
        #expect(Mirror(reflecting: PoolSettings()).children.count == keys + own)
    }

    @Test("The reference has every key of the reader, and no other")
    func reference() throws {
        let reference = try Reference(contents("docs/configuration.md"))
        for section in SectionList.all {
            let documented = reference.rows(under: section.path).map(\.key)
            #expect(documented == section.keys, "\(section.path)")
        }
        #expect(Set(reference.sections) == Set(SectionList.all.map(\.path)))
    }

    @Test("The defaults in the reference are those of the complete file")
    func referenceDefaults() throws {
        let reference = try Reference(contents("docs/configuration.md"))
        let written = try KeyPathText.leaves(of: "conf/complete.yaml")
        for section in SectionList.all {
            for row in reference.rows(under: section.path) {
                guard let value = row.defaultValue else { continue }
                let path = KeyPathText.join(section.path, row.key)
                #expect(written[path]?.contains(value) == true, "\(path): \(value)")
            }
        }
    }

    @Test("The examples in the reference load")
    func examples() throws {
        let blocks = try contents("docs/configuration.md").split(separator: "```yaml\n").dropFirst()
        #expect(!blocks.isEmpty)
        for block in blocks {
            let text = String(block.prefix { $0 != "`" })
            #expect(problems(text) == [], "\(text)")
        }
    }
}

/// All sections of the reader, with the keys that this version supports.
enum SectionList {
    static let all: [(path: String, keys: [String])] = [
        ("", Configuration.section.supported),
        listed(ListenerConfiguration.section),
        listed(ListenerTLS.section),
        listed(CertificateDraft.ofListener),
        listed(RouteConfiguration.section),
        listed(RateLimitConfiguration.section),
        listed(RequestKeyDraft.client),
        listed(SplitConfiguration.section),
        listed(StickyConfiguration.section),
        listed(RequestKeyDraft.stickyHash),
        listed(PinDraft.section),
        listed(RolloutPlan.section),
        listed(RolloutHooks.section),
        listed(PoolConfiguration.section),
        listed(CookieConfiguration.section),
        listed(SourceDraft.section),
        listed(ProbeConfiguration.section),
        listed(EjectionConfiguration.section),
        listed(CircuitConfiguration.section),
        listed(RequestKeyDraft.poolHash),
        listed(PoolSettings.hold),
        listed(PoolSettings.retry),
        listed(DrainConfiguration.section),
        listed(PoolTLS.section),
        listed(CertificateDraft.ofPool),
        listed(PoolSettings.timeouts),
        listed(DNSConfiguration.section),
        listed(AdminConfiguration.section),
        listed(LogConfiguration.section),
        listed(TracingConfiguration.section),
        listed(Limits.section),
    ]

    private static func listed<Value>(
        _ section: Section<Value>
    ) -> (path: String, keys: [String]) {
        (section.path, section.supported)
    }
}

/// Paths of keys with `NAME` for names and `[]` for places in lists.
enum KeyPathText {
    /// Mappings whose keys are names that the operator chooses.
    static let named: Set = ["listeners", "splits", "rollouts", "pools"]
    /// Mappings without keys of the reader's.
    static let free: Set = [
        "splits.NAME.weights", "routes[].headers", "listeners.NAME.server_names",
        "listeners.NAME.error_pages",
    ]

    static func join(_ section: String, _ key: String) -> String {
        section.isEmpty ? key : "\(section).\(key)"
    }

    /// The paths of a file, each with the texts that stand there.
    static func leaves(of path: String) throws -> [String: Set<String>] {
        var composer = YAMLComposer(Array(try contents(path).utf8), environment: [:])
        let document = try #require(try composer.document())
        var found: [String: Set<String>] = [:]
        collect(document, "", &found)
        return found
    }

    private static func collect(
        _ node: YAMLNode, _ path: String, _ found: inout [String: Set<String>]
    ) {
        switch node.content {
        case .mapping(let entries) where !free.contains(path):
            for entry in entries {
                if named.contains(path) {
                    collect(entry.value, "\(path).NAME", &found)
                } else {
                    let inner = join(path, entry.key)
                    found[inner, default: []].formUnion(entry.value.text.map { [$0] } ?? [])
                    collect(entry.value, inner, &found)
                }
            }
        case .sequence(let nodes): nodes.forEach { collect($0, "\(path)[]", &found) }
        default: break
        }
    }
}

/// The tables of docs/configuration.md: `| key | type | default | meaning |` under headings that
/// name a section.
struct Reference {
    struct Row {
        var key: String
        /// The default, if it is a value and not a sentence.
        var defaultValue: String?
    }

    private(set) var sections: [String] = []
    private var rows: [String: [Row]] = [:]

    init(_ text: String) throws {
        var section: String?
        for line in text.split(separator: "\n") {
            if line.hasPrefix("## ") || line.hasPrefix("### ") { section = Self.section(line) }
            guard let section, line.hasPrefix("| `") else { continue }
            if rows[section] == nil { sections.append(section) }
            let cells = line.split(separator: "|").map(Self.trimmed)
            rows[section, default: []].append(
                Row(key: Self.code(cells[0]) ?? "", defaultValue: Self.code(cells[2])))
        }
    }

    func rows(under section: String) -> [Row] { rows[section] ?? [] }

    /// "## The file" is the top; other headings name their section in code.
    private static func section(_ heading: Substring) -> String? {
        if heading == "## The file" { return "" }
        return code(trimmed(heading.drop { $0 == "#" }))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text = text.dropLast() }
        return text
    }

    private static func code(_ text: Substring) -> String? {
        guard text.hasPrefix("`"), text.hasSuffix("`"), text.count > 2 else { return nil }
        return String(text.dropFirst().dropLast())
    }
}
