/// The bytes of one connection, whatever carries them.
///
/// A plain value, like the descriptor in it: its owner closes it exactly once. What is about the
/// socket and not about its bytes (the poller, socket options) goes by `descriptor`.
public struct Wire: Equatable, Sendable {
    public let descriptor: Descriptor

    /// The bytes of the socket itself.
    public init(plain descriptor: Descriptor) { self.descriptor = descriptor }

    /// No connection.
    public static let none = Wire(plain: .none)

    /// Receives at most `limit` bytes into the free end of `buffer`, where there must be room.
    public func receive(into buffer: inout Buffer, atMost limit: Int = .max) -> TransferResult {
        descriptor.receive(into: &buffer, atMost: limit)
    }

    /// Whether a receive that could have taken `room` bytes and took `count` has left nothing, so
    /// that the poller will say when there is more. It will not after it has reported FIN or worse.
    public func isDrained(by count: Int, of room: Int) -> Bool { count < room }

    /// Sends the bytes of `span`, or as many as are taken.
    public func send(_ span: Span<UInt8>) -> TransferResult { descriptor.send(span) }

    /// Sends two pieces in order, together.
    public func send(_ first: Span<UInt8>, _ second: Span<UInt8>) -> TransferResult {
        descriptor.send(first, second)
    }

    /// Looks at the next byte without taking it: has the other side sent, closed, or neither?
    public func peek() -> TransferResult { descriptor.peek() }

    /// Says that nothing more will be sent; receiving goes on.
    public func shutdownWrite() { descriptor.shutdownWrite() }

    /// The next close is a reset, so that the other side cannot mistake a cut message for a whole
    /// one.
    public func resetOnClose() { descriptor.resetOnClose() }

    /// Closes the connection.
    public func close() { descriptor.close() }
}
