import Balancing
import Testing

@testable import ControlPlane

@Suite("What limits take, and what there is")
struct ResourceBudgetTests {
    private static func budget(
        _ descriptors: Int, workers: Int = 2, memory: Int? = nil
    ) -> ResourceBudget {
        ResourceBudget(
            workers: workers, listeners: 2, descriptorsMaximum: descriptors,
            memoryBytesMaximum: memory)
    }

    @Test(
        "Traffic never gets the last descriptors, however few or many there are",
        arguments: [64, 256, 1_024, 20_000, 1_048_576], [1, 2, 16])
    func reserve(descriptors: Int, workers: Int) {
        let budget = Self.budget(descriptors, workers: workers)
        let fitted = budget.fitted(Limits())
        let most =
            (fitted.clientConnectionsPerWorkerMaximum + fitted.upstreamConnectionsPerWorkerMaximum)
            * workers
        #expect(fitted.clientConnectionsPerWorkerMaximum >= 1)
        if descriptors >= 256 || workers == 1 {
            #expect(most + min(1_024, descriptors / 4) <= descriptors)
        }
        #expect(fitted.clientConnectionsPerWorkerMaximum <= 65_536)
    }

    @Test("Where nothing is known of descriptors, limits are what the file says")
    func unknown() {
        #expect(Self.budget(0).fitted(Limits()) == Limits())
        #expect(Self.budget(0, memory: 8 << 30).warnings(Limits()) == [])
    }

    @Test("A limit that does not fit is told with its figures")
    func descriptors() throws {
        let warning = try #require(Self.budget(1_024).warnings(Limits()).first)
        // 1,024, less a quarter and 26 of weir's own, in four parts.
        #expect(warning.contains("65536 clients in each of 2 workers"))
        #expect(warning.contains("limit of open files is 1024, so that each worker serves 185"))
        // Nobody asked for 65,536: most of it is enough.
        #expect(Self.budget(100_000).warnings(Limits()) == [])
        var limits = Limits()
        limits.clientConnectionsPerWorkerMaximum = 30_000
        #expect(Self.budget(100_000).warnings(limits).count == 1)
        limits.clientConnectionsPerWorkerMaximum = 100
        #expect(Self.budget(1_024).warnings(limits) == [])
    }

    @Test("Buffers and connections that do not fit into the memory are told")
    func memory() throws {
        let small = Self.budget(1_048_576, memory: 512 << 20)
        let warning = try #require(small.warnings(Limits()).first)
        #expect(warning.contains("512 MiB of buffers") && warning.contains("131072 clients"))
        #expect(warning.contains("may take 800 MiB; there are 512 MiB"))
        #expect(Self.budget(1_048_576, memory: 1 << 30).warnings(Limits()) == [])
    }

    @Test("Memory is that of the control group, or else of the machine")
    func sources() {
        let machine = "MemTotal:       16384 kB\nMemFree: 1 kB\n"
        #expect(ResourceBudget.memory(group: "536870912\n", machine: machine) == 512 << 20)
        #expect(ResourceBudget.memory(group: "max\n", machine: machine) == 16 << 20)
        #expect(ResourceBudget.memory(group: nil, machine: machine) == 16 << 20)
        #expect(ResourceBudget.memory(group: nil, machine: nil) == nil)
    }
}
