/// The most that a head may hold. A head past one of them is refused with 414 or 431.
public struct HeadLimits: Sendable, Equatable, BitwiseCopyable {
    /// In bytes, with the blank line; 65,535 is the most that is honoured.
    public var headBytesMaximum: Int
    /// Field lines; `Fields.capacity` is the most that is honoured.
    public var fieldsMaximum: Int
    /// In bytes.
    public var targetBytesMaximum: Int

    public init(
        headBytesMaximum: Int = 16_384, fieldsMaximum: Int = 100, targetBytesMaximum: Int = 8_192
    ) {
        self.headBytesMaximum = headBytesMaximum
        self.fieldsMaximum = fieldsMaximum
        self.targetBytesMaximum = targetBytesMaximum
    }

    /// Options in Connection that name fields; more are refused as malformed, for each costs a
    /// comparison with each field.
    static let connectionOptionsMaximum = 32
    /// Positions are 16-bit numbers.
    var bytesHonoured: Int { max(0, min(headBytesMaximum, Int(UInt16.max))) }
}
