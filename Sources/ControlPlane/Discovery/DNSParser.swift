internal import Transport

/// Turns the bytes of a response into an answer (RFC 1035 §4.1).
///
/// Strict: records count only if their owner is the name asked for or an alias of it, and anything
/// that breaks the format makes the whole answer malformed. Only a response that says it was
/// truncated may end early; what came before the cut counts.
struct DNSParser {
    private struct Resource {
        var owner: String
        var record: DNSRecord
    }

    private static let aliasesMaximum = 8

    private var reader: DNSReader
    private let question: DNSQuestion
    private var aliases: [String: String] = [:]
    private var resources: [Resource] = []

    /// The answer that `bytes` hold to `question`.
    static func parse(_ bytes: [UInt8], question: DNSQuestion) -> DNSAnswer {
        var parser = DNSParser(reader: DNSReader(bytes), question: question)
        do throws(DNSFormatError) {
            return try parser.answer()
        } catch {
            return DNSAnswer(outcome: .malformed(error.text))
        }
    }

    private init(reader: DNSReader, question: DNSQuestion) {
        self.reader = reader
        self.question = question
    }

    private mutating func answer() throws(DNSFormatError) -> DNSAnswer {
        _ = try reader.short()
        let flags = try reader.short()
        guard flags & 0x8000 != 0 else { throw DNSFormatError("not a response") }
        let isTruncated = flags & 0x0200 != 0
        let questions = try reader.short()
        let answers = try reader.short()
        _ = try reader.long()
        if let failure = DNSParser.failure(code: Int(flags & 0xf)) {
            return DNSAnswer(outcome: failure)
        }
        guard questions == 1 else { throw DNSFormatError("\(questions) questions") }
        try checkQuestion()
        do throws(DNSFormatError) {
            for _ in 0..<answers { try readResource() }
        } catch  where isTruncated {
            return DNSAnswer(outcome: outcome(), isTruncated: true)
        }
        return DNSAnswer(outcome: outcome(), isTruncated: isTruncated)
    }

    private static func failure(code: Int) -> DNSAnswer.Outcome? {
        switch code {
        case 0: nil
        case 2: .serverFailure
        case 3: .noSuchName
        case 5: .refused
        default: .code(code)
        }
    }

    private mutating func checkQuestion() throws(DNSFormatError) {
        let name = try reader.name()
        let type = try reader.short()
        _ = try reader.short()
        guard name == question.name.lowercased(), type == question.type.rawValue else {
            throw DNSFormatError("answers another question")
        }
    }

    private mutating func readResource() throws(DNSFormatError) {
        let owner = try reader.name()
        let type = try reader.short()
        let recordClass = try reader.short()
        _ = try reader.long()
        let length = Int(try reader.short())
        let end = reader.position + length
        if recordClass == 1, type == DNSRecordType.cname.rawValue {
            aliases[owner] = try reader.name()
        } else if recordClass == 1, type == question.type.rawValue {
            resources.append(Resource(owner: owner, record: try readRecord(length: length)))
        } else {
            try reader.skip(to: end)
        }
        guard reader.position == end else { throw DNSFormatError("record of a wrong length") }
    }

    private mutating func readRecord(length: Int) throws(DNSFormatError) -> DNSRecord {
        switch question.type {
        case .a:
            guard length == 4 else { throw DNSFormatError("A record of \(length) bytes") }
            return .address(SocketAddress(ipv4: try reader.long(), port: 0))
        case .aaaa:
            guard length == 16 else { throw DNSFormatError("AAAA record of \(length) bytes") }
            let high = try reader.eight()
            return .address(SocketAddress(high: high, low: try reader.eight(), port: 0))
        case .srv:
            let priority = try reader.short()
            let weight = try reader.short()
            let port = try reader.short()
            return .service(
                ServiceRecord(
                    priority: priority, weight: weight, port: port, target: try reader.name()))
        case .ptr, .cname:
            return .host(try reader.name())
        }
    }

    private func outcome() -> DNSAnswer.Outcome {
        var owner = question.name.lowercased()
        for _ in 0..<DNSParser.aliasesMaximum {
            guard let target = aliases[owner] else { break }
            owner = target
        }
        var seen: Set<DNSRecord> = []
        let records = resources.filter { $0.owner == owner }.map(\.record)
            .filter { seen.insert($0).inserted }
        return records.isEmpty ? .empty : .records(records)
    }
}
