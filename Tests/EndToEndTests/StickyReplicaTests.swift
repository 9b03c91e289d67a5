import TestSupport
import Testing

@Suite struct StickyReplicaTests {
    @Test("A client stays with its replica while that is ready, else it gets another one")
    func stays() throws {
        try TestBed.run { bed in
            let replicas = try ["a", "b", "c"].map { try bed.replica(ScriptedReplica.saying($0)) }
            let weir = try bed.weir(
                to: replicas[0], replicas[1], replicas[2], pool: "sticky: { cookie: SERVER }")
            try weir.awaitReady(3)
            let wire = try bed.connect(to: weir)
            var visitors = (0..<6).map { _ in Visitor() }
            var homes: [String] = []
            for index in visitors.indices {
                homes.append(try visitors[index].get(wire).text)
                #expect(visitors[index].received.count == 1)
            }
            #expect(Set(homes).count == 3)
            for _ in 0..<3 {
                for index in visitors.indices.reversed() {
                    #expect(try visitors[index].get(wire).text == homes[index])
                    #expect(visitors[index].received.isEmpty)
                }
            }
            replicas[0].stop()
            try weir.awaitReady(2)
            for index in visitors.indices {
                let text = try visitors[index].get(wire).text
                #expect(homes[index] == "a" ? text != "a" : text == homes[index])
                #expect(visitors[index].received.count == (homes[index] == "a" ? 1 : 0))
                homes[index] = text
            }
            try replicas[0].start()
            try weir.awaitReady(3)
            for index in visitors.indices {
                #expect(try visitors[index].get(wire).text == homes[index])
            }
        }
    }

    @Test("A forged or broken tag is ignored and replaced")
    func forged() throws {
        try TestBed.run { bed in
            let a = try bed.replica(ScriptedReplica.saying("a"))
            let weir = try bed.weir(to: a, pool: "sticky: cookie")
            try weir.awaitReady(1)
            let wire = try bed.connect(to: weir)
            for value in ["0000000000000000", "0123456789abcdef", "x", "\(a.address)"] {
                var visitor = Visitor()
                visitor.keep("weir_replica_web=\(value)")
                #expect(try visitor.get(wire).text == "a")
                #expect(visitor.received.count == 1, "\(value)")
                _ = try visitor.get(wire)
                #expect(visitor.received.isEmpty)
                let tag = try #require(visitor.cookie("weir_replica_web"))
                #expect(tag.utf8.count == 16 && !tag.contains("127"))
            }
        }
    }

    @Test("With a sticky split in front there are two cookies, and both hold")
    func withSplit() throws {
        try TestBed.run { bed in
            let names = ["s1", "s2", "c1", "c2"]
            let replicas = try names.map { try bed.replica(ScriptedReplica.saying($0)) }
            let weir = try bed.weir(
                """
                routes: [{ split: app }]
                splits: { app: { weights: { stable: 1, canary: 1 }, sticky: cookie } }
                pools:
                  stable:
                    discover: ["\(replicas[0].address)", "\(replicas[1].address)"]
                    sticky: cookie
                  canary:
                    discover: ["\(replicas[2].address)", "\(replicas[3].address)"]
                    sticky: cookie
                """)
            try weir.awaitReady(2, in: "stable")
            try weir.awaitReady(2, in: "canary")
            let wire = try bed.connect(to: weir)
            var seen: Set<String> = []
            for _ in 0..<8 {
                var visitor = Visitor()
                let home = try visitor.get(wire).text
                seen.insert(home)
                #expect(visitor.received.count == 2)
                for _ in 0..<4 {
                    #expect(try visitor.get(wire).text == home)
                    #expect(visitor.received.isEmpty)
                }
            }
            #expect(seen == Set(names))
        }
    }
}
