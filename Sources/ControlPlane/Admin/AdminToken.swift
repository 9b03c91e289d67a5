/// What a client shows over TCP to be allowed to change something. Secret: it is in no log, no
/// status and no error.
public struct AdminToken: Sendable {
    /// Fewer bytes could be guessed.
    static let bytesMinimum = 16
    static let bytesMaximum = 4_096

    private let bytes: [UInt8]

    /// Reads it from a file; white space around it is not part of it.
    ///
    /// - Throws: if the file cannot be read, or holds no token.
    public init(file path: String) throws(ControlError) {
        do throws(ConfigurationFile.Failure) {
            try self.init(try ConfigurationFile.bytes(path), from: path)
        } catch {
            throw ControlError("token_file: \(path) \(error.message)")
        }
    }

    /// - Parameter text: as it stands in an environment variable; white space around it is not part
    ///   of it.
    /// - Throws: if it is no token.
    public init(_ text: String, from place: String) throws(ControlError) {
        do throws(ConfigurationFile.Failure) {
            try self.init(Array(text.utf8), from: place)
        } catch {
            throw ControlError("\(place) \(error.message)")
        }
    }

    private init(
        _ content: [UInt8], from place: String
    ) throws(ConfigurationFile.Failure) {
        let isSpace = { (byte: UInt8) in byte == 32 || (9...13).contains(byte) }
        let trailing = content.reversed().prefix(while: isSpace).count
        bytes = Array(content.dropLast(trailing).drop(while: isSpace))
        guard bytes.count >= AdminToken.bytesMinimum, bytes.count <= AdminToken.bytesMaximum,
            bytes.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw ConfigurationFile.Failure(
                message: "does not hold a token: \(AdminToken.bytesMinimum) to"
                    + " \(AdminToken.bytesMaximum) visible ASCII characters without a space are"
                    + " accepted, such as from openssl rand -hex 32")
        }
    }

    /// The value of the Authorization field that shows it.
    var authorization: String { "Bearer " + String(decoding: bytes, as: UTF8.self) }

    /// Whether the value of an Authorization field shows this token (RFC 6750 §2.1). How long it
    /// takes tells nothing about the token but its length.
    func isShown(by authorization: String) -> Bool {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
        let shown = Array(parts[1].utf8.drop { $0 == 32 })
        var difference = shown.count ^ bytes.count
        for index in bytes.indices {
            let byte = index < shown.count ? shown[index] : 0
            difference |= Int(byte ^ bytes[index])
        }
        return difference == 0
    }
}
