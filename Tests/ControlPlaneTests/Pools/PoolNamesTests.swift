import Balancing
import Testing

@testable import ControlPlane

/// Whose address it is.
struct PoolNamesTests {
    @Test("A replica waits for its name, and is called by it")
    func named() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        #expect(bench.actions.contains(.lookUpNames(bench.id(1))))
        bench.send(.probePassed(bench.id(1)))
        #expect(bench[1]?.state == .probing)
        bench.send(.named(bench.id(1), ["shop-app-3.shop_default"]))
        #expect(bench[1]?.state == .ready)
        #expect(bench[1]?.name == "shop-app-3")
    }

    @Test("A name that cannot be known keeps no replica from being ready")
    func nameless() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.send(.named(bench.id(1), []))
        bench.send(.probePassed(bench.id(1)))
        #expect(bench[1]?.state == .ready)
    }

    @Test("A strange name counts once a later answer vouches for it, and is known from then on")
    func strange() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.send(.probePassed(bench.id(1)))
        bench.now += 60
        bench.send(.named(bench.id(1), ["blue-web-1.net"]))
        #expect(bench[1]?.state == .probing)
        #expect(bench.actions.contains(.query(PoolBench.source)))
        bench.list(1)
        #expect(bench.actions.contains(.lookUpNames(bench.id(1))))
        #expect(bench[1]?.state == .probing)
        bench.send(.named(bench.id(1), ["blue-web-1.net"]))
        #expect(bench[1]?.state == .ready)
        bench.list(1, 2)
        bench.send(.named(bench.id(2), ["blue-web-2.net"]))
        bench.send(.probePassed(bench.id(2)))
        #expect(bench[2]?.state == .ready)
    }

    @Test("An answer to an earlier question does not vouch for a strange name")
    func earlierAnswer() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.send(.probePassed(bench.id(1)))
        bench.pass(600)
        #expect(bench.state.sources[0].isAsking)
        bench.send(.named(bench.id(1), ["other-db-1"]))
        bench.list(1)
        #expect(bench[1]?.state == .probing)
        bench.pass(1)
        bench.list(1)
        bench.send(.named(bench.id(1), ["other-db-1"]))
        #expect(bench[1]?.state == .ready)
    }

    @Test("A strange name that is another one after DNS vouched for the address does not count")
    func changedMeanwhile() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.send(.probePassed(bench.id(1)))
        let old = bench.id(1)
        bench.now += 60
        bench.send(.named(old, ["shop-db-1.net"]))
        bench.list(1)
        bench.send(.named(old, ["shop-app-1.net"]))
        #expect(bench.transitions.last { $0.id == old }?.to == .gone)
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
        #expect(!bench.state.serviceNames.recognises("shop-db-2", service: "app"))
    }

    @Test("Being asked again makes an unconfirmed name no better")
    func repeated() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.send(.probePassed(bench.id(1)))
        for _ in 0..<5 {
            bench.send(.named(bench.id(1), ["shop-db-1.net"]))
            bench.pass(6_000)
            bench.miss(.silent)
        }
        #expect(bench[1]?.state == .probing)
    }

    @Test("An address that another service took over never gets traffic while DNS is silent")
    func reusedUnderNegative() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.send(.named(bench.id(1), ["shop-app-1.net"]))
        bench.send(.probePassed(bench.id(1)))
        bench.pass(300)
        bench.miss(.answered)
        let old = bench.id(1)
        bench.now += 10
        bench.send(.named(old, ["shop-db-1.net"]))
        #expect(bench.transitions.last { $0.id == old }?.cause == .addressReused(by: "shop-db-1"))
        #expect(bench.availability(1) == .closed)
        let new = bench.id(1)
        #expect(new != old)
        // Whatever is or is not said of the name now, nobody vouched for it.
        bench.send(.named(new, []))
        for _ in 0..<5 {
            bench.passProbe(1)
            bench.miss(.answered)
            #expect(bench[1]?.state == .probing)
        }
    }

    @Test("A container that took over the address within the service is a new replica")
    func reusedWithinService() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.send(.named(bench.id(1), ["shop-app-1.net"]))
        bench.send(.probePassed(bench.id(1)))
        let old = bench.id(1)
        bench.pass(6_000)
        bench.send(.named(old, ["shop-app-9.net"]))
        let new = bench.id(1)
        #expect(new != old)
        bench.passProbe(1)
        #expect(bench[1]?.state == .ready)
        #expect(bench[1]?.name == "shop-app-9")
    }

    @Test("A replica that was down is asked for its name before it is ready again")
    func afterDown() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.send(.named(bench.id(1), ["shop-app-1.net"]))
        bench.send(.probePassed(bench.id(1)))
        bench.failProbe(1, .refused)
        bench.passProbe(1)
        bench.passProbe(1)
        #expect(bench[1]?.state == .down)
        bench.send(.named(bench.id(1), ["shop-app-1.net"]))
        #expect(bench[1]?.state == .ready)
    }

    @Test("A replica that left is asked for its name, and cut off when it is another's")
    func reusedAfterLeaving() {
        var bench = PoolBench(asksNames: true)
        bench.list(1, 2)
        bench.send(.named(bench.id(1), ["shop-app-1.net"]))
        bench.send(.probePassed(bench.id(1)))
        bench.list(2)
        #expect(bench.actions.contains(.lookUpNames(bench.id(1))))
        bench.send(.named(bench.id(1), ["shop-db-1.net"]))
        #expect(bench[1] == nil)
        #expect(bench.availability(1) == .lost)
    }

    @Test("With another resolver, what the old one was asked is asked again")
    func forgotten() {
        var bench = PoolBench(asksNames: true)
        bench.list(1)
        bench.pass(600)
        #expect(bench.state.sources[0].isAsking)
        bench.send(.questionsForgotten)
        #expect(bench.actions.contains(.query(PoolBench.source)))
        #expect(bench.actions.contains(.lookUpNames(bench.id(1))))
    }

    @Test("Container names are read as Compose and Swarm write them")
    func stems() {
        #expect(ServiceNames.stem(of: "shop-app-12.shop_default") == "shop-app")
        #expect(ServiceNames.stem(of: "shop_app_1") == "shop_app")
        let task = "stack_app.1.kae6dqf47xi48dm6yiqwnz17b"
        #expect(ServiceNames.stem(of: "\(task).mesh") == "stack_app")
        #expect(ServiceNames.container(of: "\(task).mesh") == task)
        #expect(ServiceNames.container(of: "shop-app-12.shop_default") == "shop-app-12")
        #expect(ServiceNames.stem(of: "redis") == "redis")
        #expect(ServiceNames.stem(of: "web2") == "web2")
        #expect(ServiceNames.service(askedBy: "tasks.app") == "app")
        #expect(ServiceNames.service(askedBy: "App.shop_default") == "app")
        let names = ServiceNames()
        #expect(names.recognises("shop-app-1.net", service: "app"))
        #expect(names.recognises("app.net", service: "app"))
        #expect(!names.recognises("shop-db-1.net", service: "app"))
        #expect(!names.recognises("snapp-1", service: "app"))
    }
}
