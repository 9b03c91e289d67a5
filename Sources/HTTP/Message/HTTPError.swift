/// What is wrong with a message. The client is told by 400 (or the status given) and the connection
/// closed; from an upstream it is a 502.
public enum HTTPError: Error, Sendable, Equatable, BitwiseCopyable {
    case malformedStartLine, malformedField, malformedTarget
    case bareLineBreak, foldedField, forbiddenByte
    case conflictingLength, invalidLength, conflictingFraming, unknownTransferCoding
    case missingHost, severalHosts, invalidHost
    case malformedChunk, malformedTrailer
    case unsupportedVersion
    case headTooLarge, targetTooLong, tooManyFields
    case unexpectedBody
}

extension HTTPError {
    /// What a client is answered with; the connection closes after it.
    public var status: Int {
        switch self {
        case .targetTooLong: 414
        case .headTooLarge, .tooManyFields: 431
        case .unknownTransferCoding: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// A stable word for logs, metrics and the details of `Proxy-Status`.
    public var reason: String {
        switch self {
        case .malformedStartLine: "malformed_start_line"
        case .malformedField: "malformed_field"
        case .malformedTarget: "malformed_target"
        case .bareLineBreak: "bare_line_break"
        case .foldedField: "folded_field"
        case .forbiddenByte: "forbidden_byte"
        case .conflictingLength: "conflicting_length"
        case .invalidLength: "invalid_length"
        case .conflictingFraming: "conflicting_framing"
        case .unknownTransferCoding: "unknown_transfer_coding"
        case .missingHost: "missing_host"
        case .severalHosts: "several_hosts"
        case .invalidHost: "invalid_host"
        case .malformedChunk: "malformed_chunk"
        case .malformedTrailer: "malformed_trailer"
        case .unsupportedVersion: "unsupported_version"
        case .headTooLarge: "head_too_large"
        case .targetTooLong: "target_too_long"
        case .tooManyFields: "too_many_fields"
        case .unexpectedBody: "unexpected_body"
        }
    }
}
