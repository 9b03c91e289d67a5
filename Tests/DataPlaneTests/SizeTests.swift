import Testing

@testable import DataPlane

@Suite("Memory per slot")
struct SizeTests {
    /// DESIGN section 6: an idle keep-alive connection takes at most 512 bytes of user memory.
    @Test("An idle client connection fits its budget, and an exchange stays within a kilobyte")
    func sizes() {
        #expect(MemoryLayout<ClientConnection>.stride <= 448)
        #expect(MemoryLayout<Exchange>.stride <= 1_024)
        #expect(MemoryLayout<UpstreamConnection>.stride <= 448)
    }
}
