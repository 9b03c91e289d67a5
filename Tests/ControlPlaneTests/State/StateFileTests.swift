import Glibc
import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("The state file")
final class StateFileTests {
    private let folder: TemporaryFolder
    private var lines: [String] = []

    init() throws { folder = try TemporaryFolder() }

    deinit { folder.remove() }

    private var path: String { "\(folder.path)/state.json" }

    private func saver(_ path: String? = nil) -> StateSaver {
        let log = StateLog(level: .debug) { [unowned self] in lines.append($0) }
        return StateSaver(path: path ?? self.path, log: log)
    }

    /// One of everything.
    static func full() -> SavedState {
        var state = SavedState()
        state.key = "00112233445566778899aabbccddeeff"
        state.splits = [
            SavedState.Split(
                name: "api",
                weights: [.init(pool: "stable", weight: 80), .init(pool: "canary", weight: 20)],
                fileWeights: [.init(pool: "stable", weight: 95), .init(pool: "canary", weight: 5)],
                slots: [.init(pool: "stable", count: 8_000), .init(pool: nil, count: 2_000)])
        ]
        state.drains = [.init(pool: "web", name: "shop-\"app\"-1", address: "10.0.0.2:8080")]
        state.pauses = [.init(pool: "web", waitAtMostMilliseconds: nil), .init(pool: "db")]
        state.rollouts = [["split": "api", "steps": [5, .number(25.5)]]]
        return state
    }

    @Test("What was saved is loaded, and the file is its owner's alone")
    func roundTrip() throws {
        saver().save(Self.full())
        #expect(saver().load() == Self.full())
        var facts = stat()
        #expect(unsafe stat(path, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
        #expect(unsafe access(path + ".new", F_OK) != 0)
        #expect(lines.isEmpty)
    }

    @Test("A file that ends at any byte is no state at all, and never half of one")
    func torn() throws {
        let whole = Array(Self.full().text.utf8)
        // The line end and the closing brace: without the first nothing is missing.
        for count in 0..<(whole.count - 1) {
            #expect(throws: SavedStateError.self, "\(count) bytes") {
                try SavedState(reading: Array(whole[..<count]))
            }
        }
        #expect(try SavedState(reading: Array(whole.dropLast())) == Self.full())
    }

    @Test("Bytes that are overwritten at random are refused or read, and nothing crashes")
    func damaged() throws {
        let whole = Array(Self.full().text.utf8)
        for position in whole.indices {
            for byte in [UInt8(0), 0x22, 0x30, 0x7d, 0xff] {
                var bytes = whole
                bytes[position] = byte
                do throws(SavedStateError) {
                    _ = try SavedState(reading: bytes)
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }

    @Test(
        "A file that is not a state is told with the place of the mistake",
        arguments: [
            ("", "byte 0: a value is missing"),
            ("[]", "byte 0: found an array, expected an object"),
            ("{}", "byte 0: \"version\" should be a whole number from 1 on"),
            ("{\"version\": 1, \"drains\": [}", "byte 26: a value cannot begin with '}'"),
            ("{\"version\": 1, \"drains\": [3]}", "byte 0: drains.0 should be an object"),
            (
                "{\"version\": 2, \"drains\": 7}",
                "byte 0: it is of version 2, from a later weir; this one reads up to 1"
            ),
        ])
    func mistakes(text: String, message: String) {
        let error = #expect(throws: SavedStateError.self) {
            try SavedState(reading: Array(text.utf8))
        }
        #expect(error?.description == message)
    }

    @Test("A broken file is put aside, said so once, and the next state is written in its place")
    func setAside() throws {
        try TextFile.write("{\"version\": 1, oops", to: path)
        let saver = saver()
        #expect(saver.load() == nil)
        #expect(lines.count == 1)
        #expect(lines[0].contains("error state: \(path) is broken at byte 15"))
        #expect(lines[0].contains("it is now \(path).broken"))
        #expect(try TextFile.read(path + ".broken") == "{\"version\": 1, oops")
        #expect(unsafe access(path, F_OK) != 0)
        saver.save(Self.full())
        #expect(self.saver().load() == Self.full())
    }

    @Test("What is no regular file is neither waited for, nor read, put aside or replaced")
    func noFile() throws {
        #expect(unsafe mkfifo(path, 0o600) == 0)
        let saver = saver()
        #expect(saver.load() == nil)
        saver.save(Self.full())
        // At a reload nothing is loaded before.
        self.saver().save(Self.full())
        var facts = stat()
        #expect(unsafe lstat(path, &facts) == 0)
        #expect(facts.st_mode & S_IFMT == S_IFIFO)
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.contains("\(path), which is no regular file") })
        #expect(unsafe unlink(path) == 0)
    }

    @Test("A symbolic link stays one, also if nothing is there yet")
    func link() throws {
        let file = "\(folder.path)/real.json"
        #expect(unsafe symlink("real.json", path) == 0)
        #expect(saver().load() == nil)
        saver().save(Self.full())
        var facts = stat()
        #expect(unsafe lstat(path, &facts) == 0)
        #expect(facts.st_mode & S_IFMT == S_IFLNK)
        #expect(saver(file).load() == Self.full())
        #expect(saver().load() == Self.full())
        #expect(lines.isEmpty)
    }

    @Test("One that is too large was not written by weir: it is put aside, not written over")
    func tooLarge() throws {
        try TextFile.write("x", to: path)
        #expect(unsafe truncate(path, off_t(StateFile.bytesMaximum + 1)) == 0)
        #expect(saver().load() == nil)
        #expect(lines.count == 1)
        #expect(lines[0].contains("error state: read \(path): File too large; it is now"))
        #expect(unsafe access(path + ".broken", F_OK) == 0)
    }

    @Test("A broken file that cannot be put aside stays, and the mistake is told")
    func kept() throws {
        try TextFile.write("{\"version\": 1, oops", to: path)
        #expect(unsafe mkdir(path + ".broken", 0o700) == 0)
        let saver = saver()
        #expect(saver.load() == nil)
        saver.save(Self.full())
        #expect(try TextFile.read(path) == "{\"version\": 1, oops")
        #expect(lines.count == 1)
        #expect(lines[0].contains("warning state: \(path) is broken at byte 15"))
        #expect(unsafe rmdir(path + ".broken") == 0)
    }

    @Test("A folder that does not exist is one warning; saving works once it does")
    func missingFolder() throws {
        let path = "\(folder.path)/later/state.json"
        let saver = saver(path)
        #expect(saver.load() == nil)
        var state = SavedState()
        for number in 0..<3 {
            state.key = "\(number)"
            saver.save(state)
        }
        #expect(lines.count == 1)
        #expect(lines[0].contains("warning state: write \(path).new: No such file or directory"))
        #expect(unsafe mkdir("\(folder.path)/later", 0o700) == 0)
        saver.save(state)
        #expect(lines.last?.contains("is written again") == true)
        #expect(self.saver(path).load() == state)
        #expect(unsafe unlink(path) == 0)
        #expect(unsafe rmdir("\(folder.path)/later") == 0)
    }

    @Test("The same state is not written twice")
    func unchanged() throws {
        let saver = saver()
        saver.save(Self.full())
        #expect(unsafe unlink(path) == 0)
        saver.save(Self.full())
        #expect(unsafe access(path, F_OK) != 0)
    }
}
