internal import Synchronization
internal import Transport

/// Where the access log goes.
public enum AccessLogTarget: Sendable, Equatable {
    case off
    case stdout
    /// Appended to; opened anew on request.
    case file(String)
}

/// The thread that writes the access log, so that a slow disk or pipe never holds a worker up.
final class LogWriter: Sendable {
    let rings: [ByteRing]
    let wakeup: Wakeup
    private let target: Atomic<Int32>
    private let log: AccessLogTarget
    private let retired = Mutex<[Descriptor]>([])
    private let isFinishing = Atomic<Bool>(false)
    private let thread = Mutex<WorkerThread?>(nil)

    static let ringBytes = 1_048_576

    /// nil if there is nothing to write.
    ///
    /// - Parameter inherited: the file, if another process has opened it already.
    init?(
        target log: AccessLogTarget, workers: Int, inherited: Descriptor? = nil
    ) throws(SystemError) {
        var file = inherited
        if file == nil { file = try LogWriter.open(log) }
        guard let descriptor = file else { return nil }
        self.log = log
        rings = (0..<workers).map { _ in ByteRing(capacity: LogWriter.ringBytes) }
        wakeup = try Wakeup()
        target = Atomic(descriptor.number)
    }

    func start() throws(SystemError) {
        let started = try WorkerThread(name: "log") { self.run() }
        thread.withLock { $0 = started }
    }

    /// Writes what is left and ends the thread.
    func finish() {
        isFinishing.store(true, ordering: .releasing)
        wakeup.signal()
        thread.withLock { $0 }?.join()
    }

    /// Goes on in the file that has the log's name now.
    func reopen() throws(SystemError) {
        guard case .file = log, let fresh = try LogWriter.open(log) else { return }
        let former = target.exchange(fresh.number, ordering: .acquiringAndReleasing)
        // The writer may be in the middle of a write to it; it is closed when nobody can be.
        retired.withLock { $0.append(Descriptor(former)) }
        wakeup.signal()
    }

    /// Nil unless the log goes into a file.
    var file: Descriptor? {
        guard case .file = log else { return nil }
        return Descriptor(target.load(ordering: .acquiring))
    }

    private static func open(_ log: AccessLogTarget) throws(SystemError) -> Descriptor? {
        switch log {
        case .off: nil
        case .stdout: Descriptor(1)
        case .file(let path): try Descriptor.openForAppending(path)
        }
    }

    private func closeRetired() {
        let former = retired.withLock { list in
            defer { list.removeAll() }
            return list
        }
        for descriptor in former { descriptor.close() }
    }

    private func run() {
        var buffer = Buffer.allocate(capacity: 262_144)
        defer { buffer.deallocate() }
        do {
            var poller = try Poller(capacity: 1)
            try poller.add(wakeup.descriptor, .readable, token: 0)
            while true {
                _ = poller.wait(milliseconds: -1)
                wakeup.clear()
                let isLast = isFinishing.load(ordering: .acquiring)
                writeAll(&buffer)
                closeRetired()
                if isLast { return }
            }
        } catch {
            fatalError("the access log cannot be written: \(error)")
        }
    }

    private func writeAll(_ buffer: inout Buffer) {
        while rings.contains(where: { !$0.isEmpty }) {
            for ring in rings {
                buffer.clear()
                ring.drain(into: &buffer)
                write(buffer)
            }
        }
    }

    /// Blocks as long as the disk or pipe does. What cannot be written at all is dropped.
    private func write(_ buffer: Buffer) {
        var rest = buffer
        let descriptor = Descriptor(target.load(ordering: .acquiring))
        while !rest.isEmpty {
            switch descriptor.write(rest.bytes) {
            case .bytes(let count) where count > 0: rest.consume(count)
            case .wouldBlock: descriptor.waitUntilWritable()
            case .bytes, .endOfStream, .failed: return
            }
        }
    }
}
