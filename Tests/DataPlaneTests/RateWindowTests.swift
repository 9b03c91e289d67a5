import Testing
import Transport

@testable import DataPlane

@Suite("Minimum rates")
struct RateWindowTests {
    /// Whether it is too slow at that second, by 100 bytes per second over 60 s.
    private func judge(_ window: inout RateWindow, at second: Int) -> Bool {
        window.isTooSlow(
            adding: 0, bytesPerSecond: 100, windowMilliseconds: 60_000,
            now: Instant(nanoseconds: UInt64(second + 1) * 1_000_000_000))
    }

    @Test("Nothing is judged before a window is over, and then by all of it")
    func window() {
        var window = RateWindow()
        #expect(!judge(&window, at: 0))
        window.add(10)
        #expect(!judge(&window, at: 59))
        #expect(judge(&window, at: 60))
    }

    @Test("Whoever stands still and makes up for it is not slow")
    func catchesUp() {
        var window = RateWindow()
        #expect(!judge(&window, at: 0))
        #expect(!judge(&window, at: 50))
        window.add(6_000)
        #expect(!judge(&window, at: 60))
        // The next window is judged by itself.
        window.add(5_999)
        #expect(judge(&window, at: 120))
    }

    @Test("A window that lasts longer must have as much more")
    func longer() {
        var window = RateWindow()
        #expect(!judge(&window, at: 0))
        window.add(6_001)
        #expect(judge(&window, at: 100))
    }

    @Test("When there was nothing to move, the time before does not count")
    func ended() {
        var window = RateWindow()
        #expect(!judge(&window, at: 0))
        window.end()
        #expect(!judge(&window, at: 1_000))
        #expect(!judge(&window, at: 1_059))
        #expect(judge(&window, at: 1_060))
    }
}
