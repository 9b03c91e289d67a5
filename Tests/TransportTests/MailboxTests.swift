import Synchronization
import Testing
import Transport

@Suite("Mailbox")
struct MailboxTests {
    /// Counts how many of its kind are alive.
    private final class Letter: Sendable {
        let number: Int
        let population: Population
        init(_ number: Int, _ population: Population) {
            self.number = number
            self.population = population
            population.change(by: 1)
        }
        deinit { population.change(by: -1) }
    }

    private final class Population: Sendable {
        private let alive = Atomic<Int>(0)
        func change(by amount: Int) { alive.add(amount, ordering: .relaxed) }
        var count: Int { alive.load(ordering: .relaxed) }
    }

    @Test("The newest message wins, once, and the others are let go of")
    func newest() throws {
        let population = Population()
        let mailbox = try Mailbox<Letter>()
        #expect(mailbox.take() == nil)
        for number in 0..<5 { mailbox.post(Letter(number, population)) }
        #expect(population.count == 1)
        var watch = try Watch(mailbox.descriptor, .readable)
        #expect(try watch.next() == .readable)
        #expect(mailbox.take()?.number == 4)
        #expect(population.count == 0)
        #expect(mailbox.take() == nil)
        #expect(watch.reported(within: 0) == nil)
    }

    @Test("An unread message is let go of with its mailbox")
    func unread() throws {
        let population = Population()
        do {
            let mailbox = try Mailbox<Letter>()
            mailbox.post(Letter(1, population))
            #expect(population.count == 1)
        }
        #expect(population.count == 0)
    }

    @Test("Across threads messages are seen in order, the last one always, and none leaks")
    func threads() throws {
        let population = Population()
        let mailbox = try Mailbox<Letter>()
        let last = 20_000
        let writer = try WorkerThread(name: "writer") {
            for number in 1...last { mailbox.post(Letter(number, population)) }
        }
        var watch = try Watch(mailbox.descriptor, .readable)
        var previous = 0
        while previous < last {
            _ = try watch.next()
            guard let letter = mailbox.take() else { continue }
            #expect(letter.number > previous)
            previous = letter.number
        }
        writer.join()
        #expect(population.count == 0)
    }
}
