public import Balancing

/// What cookies are signed with: weir's own key, and those from files. Secret: never in a log or a
/// report.
struct SigningKeys: Equatable {
    /// For cookies whose configuration names no file.
    var own: SigningKey
    private var files: [String: SigningKey] = [:]

    /// Fewer bytes could be guessed.
    static let fileBytesMinimum = 16

    init(own: SigningKey) { self.own = own }

    func key(_ cookie: CookieConfiguration) -> SigningKey {
        cookie.keyFile.flatMap { files[$0] } ?? own
    }

    /// Reads all key files that the configuration names, again if they were read before.
    ///
    /// - Throws: if one cannot be read or is too short; nothing has changed then.
    mutating func readFiles(_ configuration: Configuration) throws(ControlError) {
        var found: [String: SigningKey] = [:]
        var problems: [String] = []
        for path in configuration.keyFiles where found[path] == nil {
            do throws(ConfigurationFile.Failure) {
                let bytes = try ConfigurationFile.bytes(path)
                found[path] = SigningKeys.key(of: bytes)
                guard found[path] == nil else { continue }
                problems.append(
                    "key_file: \(path) has \(bytes.count) bytes; accepted are 32 hexadecimal"
                        + " digits, or any \(Self.fileBytesMinimum) bytes or more")
            } catch {
                problems.append("key_file: \(path) \(error.message)")
            }
        }
        guard problems.isEmpty else { throw ControlError(problems) }
        files = found
    }

    /// 32 hexadecimal digits are the key itself; of anything else that is long enough it is a
    /// hash. A line end is not part of it. Nil if it is too short.
    static func key(of bytes: [UInt8]) -> SigningKey? {
        let lineEnds = bytes.reversed().prefix { $0 == 10 || $0 == 13 }.count
        let bytes = Array(bytes.dropLast(lineEnds))
        guard bytes.count >= Self.fileBytesMinimum else { return nil }
        if let key = SigningKey(text: String(decoding: bytes, as: UTF8.self)) { return key }
        return SigningKey(
            high: SipHash.hash(bytes.span, key: SigningKey(high: 0, low: 1)),
            low: SipHash.hash(bytes.span, key: SigningKey(high: 0, low: 2)))
    }
}

extension Configuration {
    /// Where keys are read from, in the order of the file.
    fileprivate var keyFiles: [String] {
        let ofSplits = splits.compactMap { split in
            if case .cookie(let cookie) = split.sticky { cookie.keyFile } else { nil }
        }
        return ofSplits + pools.compactMap { $0.sticky?.keyFile }
    }
}

extension SigningKey {
    /// 32 hexadecimal digits, the first byte of the key first; nil for any other text.
    init?(text: String) {
        let isDigits = text.utf8.allSatisfy { byte in
            48...57 ~= byte || 65...70 ~= byte || 97...102 ~= byte
        }
        guard isDigits, text.utf8.count == 32, let first = UInt64(text.prefix(16), radix: 16),
            let second = UInt64(text.dropFirst(16), radix: 16)
        else { return nil }
        self.init(high: second.byteSwapped, low: first.byteSwapped)
    }

    /// The same text again. Secret: for the state file only.
    var text: String {
        [low, high].map { word in
            let digits = String(word.byteSwapped, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }

    /// Of the kernel's secret random bits.
    public static func random() -> SigningKey {
        var generator = SystemRandomNumberGenerator()
        return SigningKey(high: generator.next(), low: generator.next())
    }
}
