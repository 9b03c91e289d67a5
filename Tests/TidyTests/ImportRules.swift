extension Rule {
    /// What each module may import. A leaf imports no leaf, a plane no plane.
    private static let table: [String: Set<String>] = [
        "Transport": ["CLinux", "COpenSSL", "Glibc", "Synchronization"],
        "HTTP": ["CNGHTTP2", "Synchronization"],
        "Balancing": ["Glibc", "Synchronization"],
        "Metrics": ["Glibc", "Synchronization"],
        "DataPlane": [
            "Transport", "HTTP", "Balancing", "Metrics", "Glibc", "Synchronization",
        ],
        "ControlPlane": [
            "Transport", "HTTP", "Balancing", "Metrics", "CAres", "CYAML", "Glibc",
            "Synchronization",
        ],
        "weir": [
            "DataPlane", "ControlPlane", "Transport", "HTTP", "Balancing", "Metrics",
            "ArgumentParser", "Glibc", "Synchronization",
        ],
    ]

    /// The one folder that may import each C library.
    private static let owners = [
        "CLinux": "Sources/Transport/",
        "COpenSSL": "Sources/Transport/",
        "CNGHTTP2": "Sources/HTTP/HTTP2/",
        "CAres": "Sources/ControlPlane/Discovery/",
        "CYAML": "Sources/ControlPlane/Configuration/",
    ]

    static let imports: [Rule] = [
        Rule(
            "modules import only what the house allows", in: Files.sources,
            examples: [
                .bad("Sources/HTTP/A.swift", "internal import Transport"),
                .bad("Sources/Metrics/A.swift", "public import struct Balancing.Pool"),
                .bad("Sources/DataPlane/A.swift", line: 2, "\nimport ControlPlane"),
                .bad("Sources/ControlPlane/A.swift", "import DataPlane"),
                .bad("Sources/weir/A.swift", "import Foundation"),
                .bad("Sources/Unknown/A.swift", "import Glibc"),
                .good("Sources/DataPlane/A.swift", "internal import HTTP // not Foundation"),
            ]
        ) { file in
            let module = file.module ?? ""
            let allowed = table[module] ?? []
            return file.imports.filter { !allowed.contains($0.text) }.map { name in
                let list = allowed.sorted().joined(separator: ", ")
                return file.violation(
                    name.line,
                    "\(module) imports \(name.text); it may import \(list). Modules meet in plain"
                        + " values: move what is shared, or pass it in")
            }
        },
        Rule(
            "each C library is imported in one place", in: Files.swift,
            examples: [
                .bad("Sources/ControlPlane/Pools/A.swift", "internal import CAres"),
                .bad("Tests/TransportTests/A.swift", "import CLinux"),
                .good("Sources/ControlPlane/Configuration/A.swift", "internal import CYAML"),
            ]
        ) { file in
            file.imports.compactMap { name in
                guard let owner = owners[name.text], !file.path.hasPrefix(owner) else { return nil }
                return file.violation(
                    name.line, "\(name.text) is imported under \(owner) only; use what that offers")
            }
        },
        Rule(
            "what decides imports no I/O", in: isState,
            examples: [
                .bad("Sources/ControlPlane/Pools/PoolState.swift", "import Transport"),
                .bad("Sources/ControlPlane/Pools/PoolState+Names.swift", "import Glibc"),
                .good("Sources/ControlPlane/Pools/PoolState.swift", "import Balancing"),
                .good("Sources/ControlPlane/Pools/Pool.swift", "import Transport"),
            ]
        ) { file in
            let forbidden = ["Transport", "Glibc", "CLinux", "CAres", "CYAML"]
            return file.imports.filter { forbidden.contains($0.text) }.map { name in
                file.violation(
                    name.line,
                    "a …State file imports \(name.text); take events in, give actions out, and let"
                        + " the file beside it act")
            }
        },
        Rule(
            "workers wait in one place only", in: { dataPlane.contains($0.module ?? "") },
            examples: [
                .bad("Sources/DataPlane/A.swift", "func a() async {}"),
                .bad("Sources/Transport/A.swift", "Task { }"),
                .bad("Sources/HTTP/A.swift", "DispatchQueue.main"),
                .good("Sources/DataPlane/A.swift", "// async\nlet task = \"await\""),
            ]
        ) { file in
            let words: Set = ["async", "await", "actor", "Task", "DispatchQueue", "Dispatch"]
            return SwiftTokens.of(file).filter { words.contains($0.text) }.map { word in
                file.violation(
                    word.line,
                    "\(word.text) in the data plane; a worker's only wait is its poller's")
            }
        },
    ]

    private static let dataPlane: Set = ["Transport", "HTTP", "Balancing", "Metrics", "DataPlane"]

    @Sendable private static func isState(_ file: TextFile) -> Bool {
        guard Files.sources(file), let name = file.path.split(separator: "/").last else {
            return false
        }
        return name.hasSuffix("State.swift") || name.contains("State+")
    }
}

extension TextFile {
    /// The modules that the file imports.
    fileprivate var imports: [Token] {
        let kinds: Set = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
        let tokens = SwiftTokens.of(self)
        return tokens.indices.compactMap { index in
            guard tokens[index].text == "import", index + 1 < tokens.count else { return nil }
            let next = tokens[index + 1]
            return kinds.contains(next.text) && index + 2 < tokens.count ? tokens[index + 2] : next
        }
    }
}
