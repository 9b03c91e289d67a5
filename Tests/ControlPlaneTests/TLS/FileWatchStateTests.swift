import Testing

@testable import ControlPlane

@Suite("When changed files are read") struct FileWatchStateTests {
    private func stamps(_ chain: Int64, _ key: Int64) -> [String: FileStamp?] {
        func stamp(_ time: Int64) -> FileStamp? {
            time == 0 ? nil : FileStamp(device: 1, inode: 2, bytes: 3, modifiedNanoseconds: time)
        }
        return ["chain": stamp(chain), "key": stamp(key)]
    }

    @Test("What has not changed is not read again")
    func unchanged() {
        let state = FileWatchState(stamps: stamps(1, 1))
        #expect(!state.wantsReading(stamps(1, 1)))
        #expect(state.wantsReading(stamps(2, 1)))
        #expect(state.wantsReading(stamps(1, 0)))
    }

    @Test("A pair that does not fit yet is looked at again before anything is said")
    func settling() {
        var state = FileWatchState(stamps: stamps(1, 1))
        let isSaid = state.noteRefused(stamps(2, 1), problem: "does not fit")
        #expect(!isSaid)
        #expect(state.wantsReading(stamps(2, 1)))
        state.noteUsed(stamps(2, 2))
        #expect(!state.wantsReading(stamps(2, 2)))
        #expect(state.problem == nil)
    }

    @Test("What stays wrong is said once, and again when it is wrong in another way")
    func once() {
        var state = FileWatchState(stamps: stamps(1, 1))
        var said = [
            state.noteRefused(stamps(2, 1), problem: "one"),
            state.noteRefused(stamps(2, 1), problem: "one"),
        ]
        #expect(said == [false, true])
        #expect(!state.wantsReading(stamps(2, 1)))
        #expect(state.problem == "one")
        said = [
            state.noteRefused(stamps(3, 1), problem: "one"),
            state.noteRefused(stamps(3, 1), problem: "one"),
            state.noteRefused(stamps(4, 1), problem: "two"),
            state.noteRefused(stamps(4, 1), problem: "two"),
        ]
        #expect(said == [false, false, false, true])
    }

    @Test("Files that change while they are read have time to come to rest")
    func moving() {
        var state = FileWatchState(stamps: stamps(1, 1))
        let said = ([2, 3, 4, 5, 6, 7, 8, 9, 9] as [Int64]).map {
            state.noteRefused(stamps($0, 1), problem: "x")
        }
        #expect(said == [Bool](repeating: false, count: 8) + [true])
    }
}
