extension FieldNameSet {
    /// Connection may not have these removed, whatever it names: others rely on them.
    static var protectedFromConnection: FieldNameSet {
        @inline(__always) get {
            forwarding.with(.host).with(.contentLength).with(.trailer).with(.expect)
                .with(.via).with(.xRequestID).with(.contentType).with(.authorization)
                .with(.cookie).with(.setCookie).with(.date)
        }
    }
}

extension HeadWriter {
    /// Appends the field lines of a head in order and as they are, except those of some names and
    /// those that Connection names (RFC 9110 §7.6.1). Neighbours are copied in one piece.
    ///
    /// - Parameter lines: from the first byte to copy, which may stand before the field lines.
    @inline(__always)
    mutating func appendFields(
        _ fields: Span<Field>, from bytes: Span<UInt8>, lines: ByteRange,
        except dropped: FieldNameSet, facts: HeadFacts
    ) {
        let options = facts.connectionOptionCount
        guard options > 0 || facts.seen.intersects(dropped) else { return append(bytes, lines) }
        appendKept(fields, from: bytes, lines: lines, except: dropped, options: options)
    }

    /// - Parameter options: how many of Connection's options may name a field.
    private mutating func appendKept(
        _ fields: Span<Field>, from bytes: Span<UInt8>, lines: ByteRange,
        except dropped: FieldNameSet, options: Int
    ) {
        var start = Int(lines.start)
        for index in 0..<fields.count {
            let field = fields[index]
            if !dropped.contains(field.id) {
                guard options > 0, fields.connectionNames(field, in: bytes) else { continue }
            }
            append(bytes, start, Int(field.name.start) &- start)
            let isLast = index &+ 1 == fields.count
            start = Int(isLast ? lines.end : fields[index &+ 1].name.start)
        }
        append(bytes, start, Int(lines.end) &- start)
    }
}

extension Span where Element == Field {
    /// Whether a Connection field names this one and may.
    fileprivate func connectionNames(_ field: Field, in bytes: Span<UInt8>) -> Bool {
        guard !FieldNameSet.protectedFromConnection.contains(field.id) else { return false }
        for index in 0..<count where self[index].id == .connection {
            var options = ListReader(self[index].value)
            while let option = options.next(in: bytes) {
                if bytes.equalsFolded(option, field.name) { return true }
            }
        }
        return false
    }
}
