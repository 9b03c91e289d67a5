internal import Transport

/// The process that started this one to take its place.
///
/// What it hands over comes in two steps: the sockets at once, and the state when this process has
/// said that it could serve, so that nothing that happens meanwhile is lost.
public final class Predecessor {
    /// The environment variable that tells of it: the numbers of the channel and of the file.
    public static let variable = "WEIR_UPGRADE"

    private let channel: MessageChannel
    private let file: MemoryFile
    let sockets: [InheritedSockets.Group]
    /// Its number, for the log.
    let process: Int
    /// It has ended, or was told that this process does.
    private(set) var isGone = false

    /// - Parameter text: the value of the variable.
    /// - Throws: if it is not what a weir of this version writes.
    public init(_ text: String) throws(ControlError) {
        let numbers = text.split(separator: ",").compactMap { Int32($0) }.map(Descriptor.init)
        guard numbers.count == 2, numbers.allSatisfy({ $0.number > 2 && $0.exists }) else {
            throw ControlError("\(Predecessor.variable) is \"\(text)\"; only weir itself sets it")
        }
        channel = MessageChannel(numbers[0])
        file = MemoryFile(numbers[1])
        for number in numbers { number.closeOnExec() }
        let handed = try Predecessor.record(HandoverSockets.self, in: file)
        guard handed.version == HandoverSockets.versionNow else {
            throw ControlError(
                "the running weir hands over in version \(handed.version), this one takes"
                    + " \(HandoverSockets.versionNow); restart instead")
        }
        process = handed.process
        sockets = handed.groups.compactMap { group in
            let descriptors = group.descriptors.map { Descriptor(Int32(clamping: $0)) }
                .filter(\.exists)
            for descriptor in descriptors { descriptor.closeOnExec() }
            guard let kind = HandoverSockets.Kind(rawValue: group.kind), !descriptors.isEmpty
            else {
                for descriptor in descriptors { descriptor.close() }
                return nil
            }
            return InheritedSockets.Group(
                kind: kind, name: group.name, place: group.place, descriptors: descriptors,
                origin: .predecessor)
        }
    }

    /// Tells why this process ends instead.
    public func fail(_ problem: String) { channel.send("\(SuccessorMessage.failed(problem))") }

    /// Says that all that can fail has gone well, and waits for the state. Blocks: there is nothing
    /// else to do yet.
    ///
    /// - Throws: if the predecessor has given up, or is gone. Nothing has been changed then.
    func exchange() throws(ControlError) -> HandoverState {
        channel.send("\(SuccessorMessage.prepared)")
        let limit = Int32(UpgradeState.timeoutMilliseconds)
        guard channel.receive(withinMilliseconds: limit) == .message(PredecessorMessage.state)
        else {
            throw ControlError("process \(process), which is to hand over, has given up")
        }
        return try Predecessor.record(HandoverState.self, in: file)
    }

    /// Says that this process accepts, and listens for what the predecessor tells afterwards.
    ///
    /// - Parameters:
    ///   - handedOver: it accepts nothing any more.
    ///   - counts: what it counted after it gave its state.
    func finish(
        on loop: EventLoop, handedOver: @escaping () -> Void,
        counts: @escaping (HandoverCounts) -> Void
    ) throws(SystemError) {
        channel.send("\(SuccessorMessage.serving)")
        try loop.watch(channel.descriptor, .readable) { [self] _ in
            switch channel.receive() {
            case .message(PredecessorMessage.handedOver): handedOver()
            case .message(PredecessorMessage.counts): readCounts(counts)
            case .message, .nothing: break
            case .ended:
                isGone = true
                loop.unwatch(channel.descriptor)
                channel.close()
                file.close()
            }
        }
    }

    /// Its figures are worth having, and nothing depends on them.
    private func readCounts(_ completion: (HandoverCounts) -> Void) {
        do throws(ControlError) {
            completion(try Predecessor.record(HandoverCounts.self, in: file))
        } catch {
            completion(HandoverCounts())
        }
    }

    private static func record<Record: JSONRecord>(
        _ type: Record.Type, in file: MemoryFile
    ) throws(ControlError) -> Record {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try file.contents()
        } catch {
            throw ControlError("what the running weir hands over cannot be read: \(error)")
        }
        do throws(JSONError) {
            return try record(type, from: try JSONValue(parsing: bytes))
        } catch {
            throw ControlError("what the running weir hands over cannot be read: \(error)")
        }
    }

    private static func record<Record: JSONRecord>(
        _ type: Record.Type, from json: JSONValue
    ) throws(JSONError) -> Record {
        do throws(JSONMismatch) {
            return try Record(json: json)
        } catch {
            throw JSONError(offset: 0, message: "\(error.path) should be \(error.expected)")
        }
    }
}
