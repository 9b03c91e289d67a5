internal import HTTP
internal import Transport

/// Writes one JSON object (RFC 8259) with what is known of an exchange.
struct LogLine {
    private var out: Buffer
    private let limit: Int
    private var isFirst = true

    enum Quoting { case yes, no }

    init(_ space: Buffer) {
        out = space
        limit = space.end + RecordBuffer.lineBytesMaximum - 1_024
        put("{")
    }

    /// A line that is no JSON.
    init(plain space: Buffer) {
        out = space
        limit = space.end + RecordBuffer.lineBytesMaximum - 1_024
    }

    mutating func finishPlain() -> Buffer { out }

    /// What is there, for whoever ends it.
    var written: Buffer { out }

    mutating func plain(_ text: StaticString) { put(text) }

    mutating func plain(_ number: Int) { put(number) }

    mutating func plain(_ address: AddressText) { out.append(address.bytes) }

    /// As JSON would escape it, so that no value can end its quotes or the line.
    mutating func plain(escaping bytes: Span<UInt8>, or absent: StaticString = "") {
        if bytes.isEmpty { put(absent) } else { escape(bytes) }
    }

    /// `27/Nov/2026:21:55:24 +0000`.
    mutating func plain(combinedTime nanoseconds: UInt64) {
        let date = CivilTime(nanoseconds: nanoseconds)
        let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
        put(date.day, width: 2)
        put("/")
        for letter in 0..<3 { out.append(months, at: (date.month - 1) * 3 + letter) }
        put("/")
        put(date.year, width: 4)
        put(":")
        put(date.hour, width: 2)
        put(":")
        put(date.minute, width: 2)
        put(":")
        put(date.second, width: 2)
        put(" +0000")
    }

    /// Ends the object and the line.
    mutating func finish() -> Buffer {
        put("}\n")
        return out
    }

    mutating func field(_ name: StaticString, bytes: Span<UInt8>) {
        begin(name)
        put("\"")
        escape(bytes)
        put("\"")
    }

    mutating func field(_ name: StaticString, text: String) {
        begin(name)
        put("\"")
        escape(text.utf8.span)
        put("\"")
    }

    mutating func field(_ name: StaticString, _ text: String) { field(name, text: text) }

    mutating func field(_ name: StaticString, word: StaticString, quoted: Quoting = .yes) {
        begin(name)
        if quoted == .yes { put("\"") }
        put(word)
        if quoted == .yes { put("\"") }
    }

    mutating func field(_ name: StaticString, _ number: Int) {
        begin(name)
        put(number)
    }

    /// A number that readers of JSON may not be able to hold.
    mutating func field(_ name: StaticString, quoted number: Int) {
        begin(name)
        put("\"")
        put(number)
        put("\"")
    }

    /// All 16 digits of it.
    mutating func field(_ name: StaticString, hexadecimal number: UInt64) {
        var digits = InlineArray<16, UInt8>(repeating: 48)
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(60 - index * 4)) & 15
            digits[index] = digit < 10 ? 48 + digit : 87 + digit
        }
        begin(name)
        put("\"")
        put(digits.span)
        put("\"")
    }

    mutating func field(_ name: StaticString, milliseconds nanoseconds: UInt64) {
        begin(name)
        let microseconds = Int(nanoseconds / 1_000)
        put(microseconds / 1_000)
        put(".")
        put(microseconds % 1_000, width: 3)
    }

    mutating func field(_ name: StaticString, _ address: AddressText) {
        begin(name)
        put("\"")
        out.append(address.bytes)
        put("\"")
    }

    mutating func field(_ name: StaticString, _ id: RequestID) {
        begin(name)
        put("\"")
        out.append(id.bytes)
        put("\"")
    }

    /// RFC 3339 with milliseconds, UTC.
    mutating func field(_ name: StaticString, timestamp nanoseconds: UInt64) {
        let date = CivilTime(nanoseconds: nanoseconds)
        begin(name)
        put("\"")
        put(date.year, width: 4)
        put("-")
        put(date.month, width: 2)
        put("-")
        put(date.day, width: 2)
        put("T")
        put(date.hour, width: 2)
        put(":")
        put(date.minute, width: 2)
        put(":")
        put(date.second, width: 2)
        put(".")
        put(date.millisecond, width: 3)
        put("Z\"")
    }

    mutating func beginAttempts() {
        begin("attempts")
        put("[")
        isFirst = true
    }

    mutating func endAttempts() {
        put("]")
        isFirst = false
    }

    mutating func beginAttempt() {
        put(isFirst ? "{" : ",{")
        isFirst = true
    }

    mutating func endAttempt() {
        put("}")
        isFirst = false
    }

    mutating func begin(_ name: StaticString) {
        put(isFirst ? "\"" : ",\"")
        isFirst = false
        put(name)
        put("\":")
    }

    mutating func put(_ text: StaticString) { out.append(text) }

    mutating func put(_ bytes: Span<UInt8>) { out.append(bytes) }

    mutating func put(_ number: Int, width: Int = 1) {
        var digits = InlineArray<20, UInt8>(repeating: 48)
        var value = UInt(bitPattern: max(0, number))
        var index = 20
        while value > 0 || 20 - index < width {
            index -= 1
            digits[index] = UInt8(truncatingIfNeeded: 48 + value % 10)
            value /= 10
        }
        out.append(digits.span.extracting(index...))
    }

    /// Copies what needs no escape in runs. Bytes above ASCII, whose encoding nobody vouches for,
    /// are written as the code points of the same number, so that the line is valid JSON in any
    /// case.
    mutating func escape(_ bytes: Span<UInt8>) {
        var position = 0
        while position < bytes.count, out.end < limit {
            var next = position
            while next < bytes.count, isPlain(bytes[next]) { next += 1 }
            out.append(bytes.extracting(position..<min(next, position + max(0, limit - out.end))))
            if next < bytes.count { escape(bytes[next]) }
            position = next + 1
        }
    }

    private func isPlain(_ byte: UInt8) -> Bool {
        byte >= 32 && byte != 34 && byte != 92 && byte < 127
    }

    private mutating func escape(_ byte: UInt8) {
        let hexadecimal: StaticString = "0123456789abcdef"
        put("\\u00")
        out.append(hexadecimal, at: Int(byte >> 4))
        out.append(hexadecimal, at: Int(byte & 15))
    }
}

/// A point in time as a calendar in UTC has it, without the C library and its locks.
struct CivilTime {
    var year, month, day, hour, minute, second, millisecond: Int

    /// - Parameter nanoseconds: since 1970.
    init(nanoseconds: UInt64) {
        let seconds = Int(nanoseconds / 1_000_000_000)
        millisecond = Int(nanoseconds / 1_000_000 % 1_000)
        let ofDay = seconds % 86_400
        hour = ofDay / 3_600
        minute = ofDay / 60 % 60
        second = ofDay % 60
        // Days since 1 March 0000, in eras of 400 years (proleptic Gregorian calendar).
        let days = seconds / 86_400 + 719_468
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + days / 146_097 * 400 + (month <= 2 ? 1 : 0)
    }
}
