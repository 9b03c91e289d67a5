internal import Balancing
public import Transport

/// Runs an upgrade from the side of the process that is replaced: starts the successor, listens to
/// it, and does what `UpgradeState` says. The control loop's thread only.
public final class UpgradeDirector {
    /// What is started as the successor.
    public struct Program {
        /// The file of the running program, as it was called; nil where that cannot be known.
        public var path: String?
        /// As of this process, the name of the program first.
        public var arguments: [String]
        /// `NAME=value`, as of this process.
        public var environment: [String]
        /// The file of the access log, with its name; nil if it is none.
        public var accessLog: () -> (path: String, file: Descriptor)?

        public init(
            path: String?, arguments: [String], environment: [String],
            accessLog: @escaping () -> (path: String, file: Descriptor)?
        ) {
            self.path = path
            self.arguments = arguments
            self.environment = environment
            self.accessLog = accessLog
        }
    }

    /// Called once, with the number of the successor or with what went wrong.
    typealias Completion = (Result<Int32, ControlError>) -> Void

    /// How often and how long it waits for the kernel to tell how a process ended.
    private static let reapMilliseconds = 10
    private static let reapsMaximum = 100

    private struct Successor {
        var process: ChildProcess
        var channel: MessageChannel
        var file: MemoryFile
    }

    /// nil: this program does not replace itself.
    var program: Program?
    /// Why there can be no upgrade now, beside what this object knows.
    var obstacle: () -> String? = { nil }
    var sockets: () -> [HandoverSockets.Group] = { [] }
    var state: () -> HandoverState = { HandoverState() }
    /// An upgrade begins, or has failed and leaves everything as it was.
    var onChange: () -> Void = {}
    /// The successor, whose number this is, accepts.
    var onSuccess: (Int32) -> Void = { _ in }

    private let loop: EventLoop
    private let log: StateLog
    private var decider = UpgradeState()
    private var successor: Successor?
    private var given = HandoverCounts()
    private var completion: Completion?
    private var timer: EventLoop.Scheduled?

    init(loop: EventLoop, log: StateLog) {
        self.loop = loop
        self.log = log
    }

    /// An upgrade is under way, or has been.
    var isActive: Bool { decider.stage != .idle }
    /// What an operator changes now would be lost.
    var forbidsChanges: Bool { decider.forbidsChanges }

    /// Begins an upgrade. The completion may be called before this returns.
    func begin(_ completion: @escaping Completion) {
        let problem = permanentObstacle ?? obstacle()
        if decider.stage == .idle, problem == nil { self.completion = completion }
        handle(.asked(obstacle: problem), refused: completion)
    }

    /// The program is about to end; an upgrade under way is given up.
    func shutDown() { handle(.shutDown) }

    /// Tells the successor that nothing is accepted here any more.
    func tellHandedOver() { successor?.channel.send(PredecessorMessage.handedOver) }

    /// Tells the successor what was counted since it got the state; the last thing of all.
    func tellCounts(_ counts: @autoclosure () -> HandoverCounts) {
        guard decider.stage == .handedOver, let successor else { return }
        do throws(SystemError) {
            try successor.file.replace(with: Array(counts().since(given).json.text.utf8))
            successor.channel.send(PredecessorMessage.counts)
        } catch {
            log.write(.warning, "upgrade: the last figures are lost: \(error)")
        }
    }

    private func handle(_ event: UpgradeState.Event, refused: Completion? = nil) {
        for action in decider.handle(event) {
            switch action {
            case .start: start()
            case .giveState: giveState()
            case .handOver:
                if let timer { loop.cancel(timer) }
                if let successor { onSuccess(successor.process.number) }
            case .abandon: abandon()
            case .answer(let problem): answer(problem)
            case .refuse(let problem):
                log.write(.error, "upgrade refused: \(problem)")
                refused?(.failure(ControlError(problem)))
            }
        }
    }

    private func answer(_ problem: String?) {
        let completion = completion
        self.completion = nil
        if let problem {
            if let timer { loop.cancel(timer) }
            log.write(.error, "upgrade failed, nothing changed: \(problem)")
            onChange()
            completion?(.failure(ControlError(problem.split(separator: "\n").map(String.init))))
        } else if let successor {
            log.write(.info, "upgrade: process \(successor.process.number) accepts now")
            completion?(.success(successor.process.number))
        }
    }

    private func start() {
        onChange()
        guard let program, let path = program.path else {
            return handle(.startFailed("the file of the program is not known"))
        }
        do throws(SystemError) {
            let successor = try launch(path, program)
            self.successor = successor
            log.write(
                .info, "upgrade: started \(path) as process \(successor.process.number)")
            try loop.watch(successor.channel.descriptor, .readable) { [weak self] _ in
                self?.listen()
            }
        } catch {
            abandon()
            return handle(.startFailed("\(error)"))
        }
        timer = loop.schedule(afterMilliseconds: UpgradeState.timeoutMilliseconds) { [weak self] in
            self?.handle(.timedOut)
        }
        handle(.started)
    }

    private func launch(_ path: String, _ program: Program) throws(SystemError) -> Successor {
        let file = try MemoryFile(name: "weir-handover")
        do throws(SystemError) {
            let handed = HandoverSockets(
                process: Int(ThisProcess.number), groups: sockets() + accessLog(program))
            try file.replace(with: Array(handed.json.text.utf8))
            let (own, other) = try MessageChannel.pair()
            defer { other.close() }
            let numbers = handed.groups.flatMap(\.descriptors).map { Descriptor(Int32($0)) }
            let handle = "\(other.descriptor.number),\(file.descriptor.number)"
            do throws(SystemError) {
                let process = try ChildProcess(
                    path, arguments: program.arguments,
                    environment: UpgradeDirector.environment(program.environment, handle),
                    keeping: numbers + [other.descriptor, file.descriptor])
                return Successor(process: process, channel: own, file: file)
            } catch {
                own.close()
                throw error
            }
        } catch {
            file.close()
            throw error
        }
    }

    private func accessLog(_ program: Program) -> [HandoverSockets.Group] {
        guard let (path, file) = program.accessLog() else { return [] }
        return [
            HandoverSockets.Group(
                kind: HandoverSockets.Kind.accessLog.rawValue, name: "log", place: path,
                descriptors: [Int(file.number)])
        ]
    }

    /// Without what is meant for this process alone.
    static func environment(_ own: [String], _ handle: String) -> [String] {
        let left = SocketActivation.variables + [Predecessor.variable, "WATCHDOG_PID"]
        return own.filter { entry in !left.contains { entry.hasPrefix("\($0)=") } }
            + ["\(Predecessor.variable)=\(handle)"]
    }

    private func giveState() {
        guard let successor else { return }
        let state = state()
        given = state.counts
        do throws(SystemError) {
            try successor.file.replace(with: Array(state.json.text.utf8))
            successor.channel.send(PredecessorMessage.state)
        } catch {
            handle(.startFailed("\(error)"))
        }
    }
}

/// Listening to the successor, and its end.
extension UpgradeDirector {
    private func listen() {
        while let successor {
            switch successor.channel.receive() {
            case .nothing: return
            case .message(let text): handle(.said(SuccessorMessage(text)))
            case .ended:
                loop.unwatch(successor.channel.descriptor)
                return noteEnd(of: successor.process, looks: 0)
            }
        }
    }

    /// A process that ends closes its files before the kernel tells how it ended.
    private func noteEnd(of process: ChildProcess, looks: Int) {
        if let ending = process.reap() { return handle(.ended("\(ending)")) }
        guard looks < UpgradeDirector.reapsMaximum else {
            return handle(.ended("closed its end of the channel"))
        }
        loop.schedule(afterMilliseconds: UpgradeDirector.reapMilliseconds) { [weak self] in
            guard let self, successor?.process.number == process.number else { return }
            noteEnd(of: process, looks: looks + 1)
        }
    }

    private func abandon() {
        guard let successor else { return }
        self.successor = nil
        loop.unwatch(successor.channel.descriptor)
        successor.channel.close()
        successor.file.close()
        successor.process.kill()
        bury(successor.process)
    }

    private func bury(_ process: ChildProcess) {
        guard process.reap() == nil else { return }
        loop.schedule(afterMilliseconds: UpgradeDirector.reapMilliseconds) { [weak self] in
            self?.bury(process)
        }
    }

    private static let containerInits: Set = ["tini", "docker-init", "dumb-init", "catatonit"]

    /// What makes an upgrade impossible for as long as this process lives.
    private var permanentObstacle: String? {
        let instead = "; start a new container instead"
        if ThisProcess.number == 1 {
            return "weir is process 1 of its container, which would end with it\(instead)"
        }
        if ThisProcess.parentNumber == 1, let name = ThisProcess.name(of: 1),
            UpgradeDirector.containerInits.contains(name)
        {
            return "\(name), process 1 of the container, would end with this process\(instead)"
        }
        guard let program else { return "this program does not replace itself" }
        guard program.path != nil else {
            return "the file of the running program is not known; is /proc mounted?"
        }
        return nil
    }
}
