import Testing

@testable import ControlPlane

@Suite("One upgrade, as decided")
struct UpgradeStateTests {
    private func state(after events: UpgradeState.Event...) -> UpgradeState {
        var state = UpgradeState()
        for event in events { _ = state.handle(event) }
        return state
    }

    @Test("It starts, gives the state, and hands over only when the successor serves")
    func success() {
        var state = UpgradeState()
        #expect(state.handle(.asked(obstacle: nil)) == [.start])
        #expect(state.handle(.started) == [])
        #expect(!state.forbidsChanges)
        #expect(state.handle(.said(.prepared)) == [.giveState])
        #expect(state.forbidsChanges)
        #expect(state.handle(.said(.serving)) == [.answer(problem: nil), .handOver])
        #expect(state.stage == .handedOver && state.forbidsChanges)
        for event: UpgradeState.Event in [.ended("exited with 0"), .timedOut, .shutDown] {
            #expect(state.handle(event) == [])
        }
    }

    @Test(
        "Whatever goes wrong before that kills the successor and changes nothing",
        arguments: [
            .said(.failed("web.yaml:1:1: no")), .said(.unknown("x")), .said(.serving),
            .ended("exited with 1"), .timedOut, .shutDown,
        ] as [UpgradeState.Event])
    func failure(event: UpgradeState.Event) {
        for isCommitting in [false, true] {
            var state = state(after: .asked(obstacle: nil), .started)
            if isCommitting { _ = state.handle(.said(.prepared)) }
            if isCommitting, event == .said(.serving) { continue }
            let actions = state.handle(event)
            #expect(actions.first == .abandon && actions.count == 2)
            #expect(state.stage == .idle && !state.forbidsChanges)
            #expect(state.handle(.asked(obstacle: nil)) == [.start])
        }
    }

    @Test("There is one at a time, none after it, and none where something is in the way")
    func refusals() {
        for var state in [
            state(after: .asked(obstacle: nil)),
            state(after: .asked(obstacle: nil), .said(.prepared)),
            state(after: .asked(obstacle: nil), .said(.prepared), .said(.serving)),
        ] {
            let before = state.stage
            guard case .refuse = state.handle(.asked(obstacle: nil)).first else {
                Issue.record("not refused in \(before)")
                continue
            }
            #expect(state.stage == before)
        }
        var state = UpgradeState()
        #expect(state.handle(.asked(obstacle: "no")) == [.refuse(problem: "no")])
        #expect(state.handle(.asked(obstacle: nil)) == [.start])
        #expect(state.handle(.startFailed("no such file")) == [.answer(problem: "no such file")])
        #expect(state.stage == .idle)
    }
}
