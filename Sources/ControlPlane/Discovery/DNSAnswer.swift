internal import Transport

/// The record types that weir asks for (RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 2782).
enum DNSRecordType: UInt16, Sendable {
    case a = 1
    case cname = 5
    case ptr = 12
    case aaaa = 28
    case srv = 33
}

struct DNSQuestion: Equatable, Sendable {
    /// Without the last dot; always taken as it stands, never completed by a search domain.
    var name: String
    var type: DNSRecordType
}

/// What is asked for in a question, as an answer gives it.
enum DNSRecord: Hashable, Sendable {
    /// A or AAAA; the port is zero.
    case address(SocketAddress)
    /// PTR, in lower case.
    case host(String)
    case service(ServiceRecord)
}

/// RFC 2782.
struct ServiceRecord: Hashable, Sendable {
    var priority: UInt16
    var weight: UInt16
    var port: UInt16
    /// In lower case.
    var target: String
}

/// What came of one question. Every way of there being no record is a word of its own, because they
/// mean different things: see `PoolState`.
struct DNSAnswer: Equatable, Sendable {
    var outcome: Outcome
    /// Records are missing, and there was no way to get them.
    var isTruncated = false

    enum Outcome: Equatable, Sendable {
        /// At least one record of the type asked for, each once.
        case records([DNSRecord])
        /// NXDOMAIN.
        case noSuchName
        /// NOERROR without a record of the type asked for.
        case empty
        /// SERVFAIL.
        case serverFailure
        case refused
        /// Another error code of RFC 1035 §4.1.1.
        case code(Int)
        /// No answer that belongs to the question came in time.
        case timeout
        /// No server could be reached.
        case unreachable(String)
        /// An answer that breaks the format.
        case malformed(String)
    }

    var records: [DNSRecord] {
        if case .records(let records) = outcome { records } else { [] }
    }
}

extension DNSAnswer.Outcome: CustomStringConvertible {
    var description: String {
        switch self {
        case .records(let records): "\(records.count) records"
        case .noSuchName: "NXDOMAIN"
        case .empty: "empty answer"
        case .serverFailure: "SERVFAIL"
        case .refused: "REFUSED"
        case .code(let code): "error code \(code)"
        case .timeout: "no answer in time"
        case .unreachable(let text): "no server reachable (\(text))"
        case .malformed(let text): "malformed answer (\(text))"
        }
    }
}
