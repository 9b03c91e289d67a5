/// What tells one state of a file from another.
struct FileStamp: Equatable, Sendable {
    var device: UInt64
    var inode: UInt64
    var bytes: Int64
    var modifiedNanoseconds: Int64
}

/// When changed files are read again, and whether it is worth a word that they cannot be used.
///
/// Whoever renews a certificate writes two files, one after the other. So what cannot be used is
/// looked at again once, a moment later, before anything is said.
struct FileWatchState: Equatable {
    /// Of the files as they were last read.
    private(set) var stamps: [String: FileStamp?] = [:]
    private var isSecondTry = false
    /// Why they are not used, as it was said.
    private(set) var problem: String?

    init(stamps: [String: FileStamp?]) { self.stamps = stamps }

    /// Whether to read them, given how they are now.
    func wantsReading(_ now: [String: FileStamp?]) -> Bool { isSecondTry || now != stamps }

    /// They were read, and are used.
    mutating func noteUsed(_ stamps: [String: FileStamp?]) { self = Self(stamps: stamps) }

    /// They were read, and cannot be used.
    ///
    /// - Returns: whether to say so.
    mutating func noteRefused(_ stamps: [String: FileStamp?], problem: String) -> Bool {
        let isChanging = stamps != self.stamps
        self.stamps = stamps
        guard isSecondTry, !isChanging else {
            isSecondTry = true
            return false
        }
        isSecondTry = false
        let isNews = problem != self.problem
        self.problem = problem
        return isNews
    }
}
