/// Finds what an operator probably meant.
enum Suggestion {
    /// More are not compared, so that a long file with many mistakes is still read at once.
    static let candidatesMaximum = 100

    /// `; did you mean 'x'?`, or nothing when no candidate is near.
    static func text(for found: String, among candidates: [String]) -> String {
        nearest(to: found, among: candidates).map { "; did you mean '\($0)'?" } ?? ""
    }

    /// The candidate with the fewest edits, if these are few for the length of the word; else the
    /// only one that begins with it.
    static func nearest(to found: String, among candidates: [String]) -> String? {
        let found = Array(found.lowercased().unicodeScalars.prefix(64))
        let candidates = candidates.prefix(candidatesMaximum)
        var best: (candidate: String, edits: Int)?
        for candidate in candidates {
            let length = candidate.unicodeScalars.count
            let allowed = max(1, max(found.count, length) / 3)
            guard abs(length - found.count) <= allowed else { continue }
            let edits = distance(found, Array(candidate.lowercased().unicodeScalars))
            guard edits <= allowed, edits < best?.edits ?? .max else { continue }
            best = (candidate, edits)
        }
        if let best { return best.candidate }
        let beginning = candidates.filter { $0.unicodeScalars.starts(with: found) }
        return found.count > 2 && beginning.count == 1 ? beginning[0] : nil
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
    static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            for j in right.indices {
                let cost = left[i] == right[j] ? 0 : 1
                var edits = min(last[j + 1] + 1, row[j] + 1, last[j] + cost)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    edits = min(edits, beforeLast[j - 1] + 1)
                }
                row.append(edits)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
