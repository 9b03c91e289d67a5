// swift-tools-version: 6.2
import PackageDescription

/// Every target is checked as strictly as the compiler can: memory safety, warnings, concurrency.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

/// The files of the admin interface's page, which are part of the program.
let dashboard: [Resource] = [
    "index.html", "style.css", "actions.js", "app.js", "figures.js", "flow.js", "page.js",
    "pools.js", "rollouts.js", "timeline.js",
].map { .embedInCode("Admin/Dashboard/\($0)") }

let package = Package(
    name: "weir",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
    ],
    targets: [
        // C: what Glibc's module lacks, and the libraries of the system.
        .target(name: "CLinux"),
        .target(
            name: "COpenSSL", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .systemLibrary(name: "CAres", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(
            name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        // Four leaves: none imports another.
        .target(name: "Transport", dependencies: ["CLinux", "COpenSSL"], swiftSettings: strict),
        .target(name: "HTTP", dependencies: ["CNGHTTP2"], swiftSettings: strict),
        .target(name: "Balancing", swiftSettings: strict),
        .target(name: "Metrics", swiftSettings: strict),

        // Two planes: neither imports the other.
        .target(
            name: "DataPlane",
            dependencies: ["Transport", "HTTP", "Balancing", "Metrics"],
            swiftSettings: strict),
        .target(
            name: "ControlPlane",
            dependencies: ["Transport", "HTTP", "Balancing", "Metrics", "CAres", "CYAML"],
            resources: dashboard + [.embedInCode("Admin/openapi.json")], swiftSettings: strict),

        // The program joins them.
        .executableTarget(
            name: "weir",
            dependencies: [
                "DataPlane", "ControlPlane", "Transport", "HTTP", "Balancing", "Metrics",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        // Functions whose instructions are counted; built by `make micro` only.
        .executableTarget(
            name: "weir-micro",
            dependencies: ["Transport", "HTTP", "Balancing", "Metrics"],
            path: "Benchmarks/Micro", exclude: ["run", "thresholds.json"], swiftSettings: strict),

        .target(
            name: "TestSupport",
            dependencies: ["Transport"],
            path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "TransportTests", dependencies: ["Transport", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "HTTPTests", dependencies: ["HTTP", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "BalancingTests", dependencies: ["Balancing", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "MetricsTests", dependencies: ["Metrics", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "DataPlaneTests",
            dependencies: [
                "DataPlane", "Transport", "HTTP", "Balancing", "Metrics", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "ControlPlane", "Transport", "HTTP", "Balancing", "Metrics", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["ControlPlane", "DataPlane", "Balancing", "Metrics", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests", dependencies: ["TestSupport", "Transport"], swiftSettings: strict
        ),
        .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)
