internal import Glibc
internal import Transport

/// The client of the demo: one request after another, each on a connection of its own.
struct DemoClient: Sendable {
    let target: SocketAddress

    enum Answer {
        /// 200; the name that the replica gave.
        case from(String)
        /// Anything else, in words.
        case failed(String)
    }

    private static let timeoutMilliseconds: Int32 = 20_000
    private static let pauseMicroseconds: UInt32 = 20_000

    /// Sends one GET and waits for its answer.
    func get() -> Answer {
        do throws(SystemError) {
            let descriptor = try Socket.connect(to: target)
            defer { descriptor.close() }
            return answer(in: try exchange(on: descriptor))
        } catch {
            return .failed("\(error)")
        }
    }

    /// Some requests every second, for as long as the process lives: there is something to see.
    func goOn() {
        while true {
            _ = get()
            usleep(DemoClient.pauseMicroseconds)
        }
    }

    private func exchange(on descriptor: Descriptor) throws(SystemError) -> String {
        let request = "GET / HTTP/1.1\r\nHost: \(target)\r\nConnection: close\r\n\r\n"
        try wait(for: POLLOUT, descriptor)
        guard case .bytes = descriptor.send(Array(request.utf8).span) else {
            throw SystemError("send to \(target)", code: descriptor.pendingError())
        }
        var buffer = Buffer.allocate(capacity: 16_384)
        defer { buffer.deallocate() }
        while buffer.room > 0 {
            try wait(for: POLLIN, descriptor)
            switch descriptor.receive(into: &buffer) {
            case .bytes, .wouldBlock: continue
            case .endOfStream: return text(of: buffer)
            case .failed(let code): throw SystemError("receive from \(target)", code: code)
            }
        }
        return text(of: buffer)
    }

    private func wait(for events: Int32, _ descriptor: Descriptor) throws(SystemError) {
        var watch = pollfd(fd: descriptor.number, events: Int16(events), revents: 0)
        guard unsafe poll(&watch, 1, DemoClient.timeoutMilliseconds) > 0 else {
            throw SystemError("answer from \(target)", code: ETIMEDOUT)
        }
    }

    private func text(of buffer: Buffer) -> String {
        let bytes = buffer.bytes
        return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
    }

    private func answer(in response: String) -> Answer {
        let lines = response.split(separator: "\r\n")
        guard let first = lines.first, let last = lines.last else { return .failed("no answer") }
        guard first.hasPrefix("HTTP/1.1 200 ") else { return .failed(String(first)) }
        guard let name = last.split(separator: " ").last else { return .failed("an empty answer") }
        return .from(String(name.filter { !$0.isNewline }))
    }
}

/// Who answered how often.
struct DemoTally {
    private(set) var counts: [String: Int] = [:]
    private(set) var failures: [String] = []

    var total: Int { counts.values.reduce(0, +) + failures.count }

    mutating func note(_ answer: DemoClient.Answer) {
        switch answer {
        case .from(let name): counts[name, default: 0] += 1
        case .failed(let reason): failures.append(reason)
        }
    }

    /// One line: `demo-app-1: 10   demo-app-2: 10   failed: 0`.
    var line: String {
        let names = counts.keys.sorted().map { "\($0): \(counts[$0, default: 0])" }
        return (names + ["failed: \(failures.count)"]).joined(separator: "   ")
    }
}
