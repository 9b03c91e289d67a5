internal import ArgumentParser
internal import ControlPlane

/// `weir run`: the balancer itself.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the load balancer.",
        discussion: """
            With a file, or without one:
              weir run --listen :8080 --to app:3000 --probe /healthz

            SIGHUP reads the file again. SIGTERM and SIGINT finish what is in flight, then exit 0; \
            a second one cuts it short. SIGUSR1 opens the access log's file anew. SIGUSR2 \
            lets the program as it is on the disk now take over, without a gap.
            """)

    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp("The configuration.", valueName: "file"))
    var file: String?

    @Option(help: "Threads that move bytes. (default: one per CPU)")
    var workers: Int?

    @Option(help: ArgumentHelp("Without a file: accept HTTP here.", valueName: "address:port"))
    var listen: [String] = []

    @Option(help: ArgumentHelp("Without a file: a DNS name or address.", valueName: "host:port"))
    var to: [String] = []

    @Option(help: ArgumentHelp("Without a file: probe replicas by HTTP.", valueName: "path"))
    var probe: String?

    func validate() throws {
        let isWithoutFile = !listen.isEmpty || !to.isEmpty || probe != nil
        if file != nil, isWithoutFile {
            throw ValidationError("--config does not go with --listen, --to and --probe")
        }
        if isWithoutFile, listen.isEmpty || to.isEmpty {
            throw ValidationError("without a file, both --listen and --to are needed")
        }
        if let workers, !(1...256).contains(workers) {
            throw ValidationError("--workers \(workers): accepted is 1 to 256")
        }
    }

    func run() throws {
        let source = ConfigurationSource(self)
        let workers = workers
        try Program().run(source: { () throws(ControlError) in
            var configuration = try source.read()
            if let workers { configuration.workers = workers }
            return configuration
        })
    }
}

extension ConfigurationSource {
    fileprivate init(_ command: RunCommand) {
        self =
            command.listen.isEmpty
            ? .file(command.file ?? ConfigurationSource.defaultFile)
            : .flags(listen: command.listen, to: command.to, probe: command.probe)
    }
}
