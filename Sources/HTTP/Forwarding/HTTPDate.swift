/// A moment as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7). Made once a
/// second.
public struct HTTPDate: Sendable, BitwiseCopyable {
    private(set) var text = ShortText()

    /// - Parameter secondsSince1970: in UTC, not negative; up to the year 9999.
    public init(secondsSince1970: Int) {
        let seconds = min(max(secondsSince1970, 0), 253_402_300_799)
        let days = seconds / 86_400
        let (year, month, day) = HTTPDate.civil(daysSince1970: days)
        // 1 January 1970 was a Thursday.
        text.append(HTTPDate.weekday((days + 4) % 7))
        text.append(", ")
        append(twoDigits: day)
        text.append(HTTPDate.month(month))
        append(twoDigits: year / 100)
        append(twoDigits: year % 100)
        text.append(" ")
        append(twoDigits: seconds / 3_600 % 24)
        text.append(":")
        append(twoDigits: seconds / 60 % 60)
        text.append(":")
        append(twoDigits: seconds % 60)
        text.append(" GMT")
    }

    private mutating func append(twoDigits number: Int) {
        text.append(0x30 &+ UInt8(truncatingIfNeeded: number / 10 % 10))
        text.append(0x30 &+ UInt8(truncatingIfNeeded: number % 10))
    }

    /// The Gregorian date. The year is taken to begin in March, so that a leap day is its last.
    private static func civil(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        // 0000-03-01 is 719,468 days before 1970-01-01; 400 years have 146,097 days.
        let days = daysSince1970 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let leapDays = dayOfEra / 1_460 - dayOfEra / 36_524 + dayOfEra / 146_096
        let yearOfEra = (dayOfEra - leapDays) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // Five months have 153 days, whichever of them they begin with in March or August.
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func weekday(_ index: Int) -> StaticString {
        switch index {
        case 0: "Sun"
        case 1: "Mon"
        case 2: "Tue"
        case 3: "Wed"
        case 4: "Thu"
        case 5: "Fri"
        default: "Sat"
        }
    }

    private static func month(_ number: Int) -> StaticString {
        switch number {
        case 1: " Jan "
        case 2: " Feb "
        case 3: " Mar "
        case 4: " Apr "
        case 5: " May "
        case 6: " Jun "
        case 7: " Jul "
        case 8: " Aug "
        case 9: " Sep "
        case 10: " Oct "
        case 11: " Nov "
        default: " Dec "
        }
    }
}

extension HTTPDate: CustomStringConvertible {
    public var description: String { text.description }
}
