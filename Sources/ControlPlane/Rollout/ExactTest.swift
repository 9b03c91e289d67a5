internal import Glibc

/// The exact two-proportion test (Fisher's): how likely it is by chance alone that one of two
/// samples has so many of the marked ones.
///
/// If both samples are of one kind, the number of marked ones in the first is hypergeometric, given
/// how many there are in both. Nothing is approximated, so the test holds for a handful of errors
/// as well as for thousands.
enum ExactTest {
    /// The chance that `marked` or more of the first sample are marked, given the marked ones of
    /// both; 1 if the first has no more than its share, which is all that matters here.
    static func chance(marked: Int, of count: Int, against others: Int, of otherCount: Int)
        -> Double
    {
        let total = count + otherCount
        let all = marked + others
        guard count > 0, otherCount > 0,
            Double(marked) * Double(total) > Double(all) * Double(count)
        else { return 1 }
        var term = logChoose(all, marked) + logChoose(total - all, count - marked)
        term -= logChoose(total, count)
        var relative = 1.0
        var sum = 1.0
        var value = marked
        // Beyond the mean each term is smaller than the last by a growing factor.
        while value < min(all, count), relative > sum * 1e-9 {
            relative *= Double(all - value) * Double(count - value)
            relative /= Double(value + 1) * Double(total - all - count + value + 1)
            sum += relative
            value += 1
        }
        return min(1, exp(term + log(sum)))
    }

    private static func logChoose(_ count: Int, _ taken: Int) -> Double {
        lgamma(Double(count + 1)) - lgamma(Double(taken + 1)) - lgamma(Double(count - taken + 1))
    }
}
