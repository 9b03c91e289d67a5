internal import Transport

/// Writes the response to one question (RFC 1035 §4). All records belong to the name asked for.
struct DNSWriter {
    /// RFC 1035 §4.1.1.
    enum Code: UInt16 {
        case noError = 0
        case formatError = 1
        case noSuchName = 3
        case notImplemented = 4
    }

    /// Where the name of the question stands in every message.
    private static let questionPointer: UInt16 = 0xc00c
    private static let response: UInt16 = 0x8000
    private static let truncated: UInt16 = 0x0200
    private static let recursionAvailable: UInt16 = 0x0080

    private(set) var bytes: [UInt8] = []

    /// The whole response; cut at `bytesMaximum` and marked so if it would be longer.
    static func response(
        id: UInt16, question: DNSQuestion, code: Code, records: [DNSRecord], bytesMaximum: Int
    ) -> [UInt8] {
        var writer = DNSWriter()
        writer.header(id: id, code: code)
        writer.name(question.name)
        writer.short(question.type.rawValue)
        writer.short(1)
        var count = 0
        for record in records {
            let end = writer.bytes.count
            writer.record(record)
            if writer.bytes.count > bytesMaximum {
                writer.bytes.removeSubrange(end...)
                writer.set(2, writer.flags | truncated)
                break
            }
            count += 1
        }
        writer.set(6, UInt16(count))
        return writer.bytes
    }

    /// A response that says only what is wrong.
    static func failure(id: UInt16, code: Code) -> [UInt8] {
        var writer = DNSWriter()
        writer.header(id: id, code: code)
        writer.set(4, 0)
        return writer.bytes
    }

    private var flags: UInt16 { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }

    private mutating func header(id: UInt16, code: Code) {
        short(id)
        short(DNSWriter.response | DNSWriter.recursionAvailable | code.rawValue)
        short(1)
        for _ in 0..<3 { short(0) }
    }

    private mutating func record(_ record: DNSRecord) {
        short(DNSWriter.questionPointer)
        switch record {
        case .address(let address) where address.isIPv4:
            start(.a)
            for shift in [24, 16, 8, 0] as [UInt32] { byte(UInt8(address.ipv4 >> shift & 255)) }
        case .address(let address):
            start(.aaaa)
            for word in [address.high, address.low] {
                for shift in stride(from: 56, through: 0, by: -8) {
                    byte(UInt8(word >> UInt64(shift) & 255))
                }
            }
        case .host(let name):
            start(.ptr)
            self.name(name)
        case .service(let service):
            start(.srv)
            short(service.priority)
            short(service.weight)
            short(service.port)
            name(service.target)
        }
        endRecord()
    }

    /// Class, a time to live of Docker's ten minutes, and room for the length.
    private mutating func start(_ type: DNSRecordType) {
        short(type.rawValue)
        short(1)
        short(0)
        short(600)
        short(0)
        recordStart = bytes.count
    }

    private var recordStart = 0

    private mutating func endRecord() {
        set(recordStart - 2, UInt16(bytes.count - recordStart))
    }

    private mutating func name(_ name: String) {
        for label in name.utf8.split(separator: UInt8(ascii: ".")) {
            byte(UInt8(min(63, label.count)))
            bytes += label.prefix(63)
        }
        byte(0)
    }

    private mutating func byte(_ value: UInt8) { bytes.append(value) }

    private mutating func short(_ value: UInt16) {
        byte(UInt8(value >> 8))
        byte(UInt8(value & 255))
    }

    private mutating func set(_ position: Int, _ value: UInt16) {
        bytes[position] = UInt8(value >> 8)
        bytes[position + 1] = UInt8(value & 255)
    }
}
