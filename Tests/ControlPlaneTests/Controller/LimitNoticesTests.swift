import Testing

@testable import ControlPlane

@Suite("Notices of limits")
struct LimitNoticesTests {
    private let web = LimitNotices.Subject(listener: "web", what: .clientsRefused)
    private let api = LimitNotices.Subject(listener: "api", what: .clientsRefused)

    @Test("The first time is told at once, the next ones together after a minute")
    func oncePerMinute() {
        var notices = LimitNotices()
        #expect(notices.take(web, count: 0, now: 0) == nil)
        #expect(notices.take(web, count: 3, now: 200) == 3)
        #expect(notices.take(web, count: 9, now: 400) == nil)
        #expect(notices.take(api, count: 1, now: 400) == 1)
        #expect(notices.take(web, count: 10, now: 60_199) == nil)
        #expect(notices.take(web, count: 10, now: 60_200) == 7)
        #expect(notices.take(web, count: 10, now: 200_000) == nil)
    }

    @Test("A listener that is no more is forgotten")
    func forgotten() {
        var notices = LimitNotices()
        #expect(notices.take(web, count: 3, now: 0) == 3)
        notices.keep(["api"])
        #expect(notices.take(web, count: 2, now: 100) == 2)
    }
}
