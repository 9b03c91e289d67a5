internal import Glibc

// Compiled into each module that is fuzzed, beside its targets.

/// What a target promises does not hold.
func broken(_ promise: String) -> Never { fatalError("promise broken: \(promise)") }

private let target: @Sendable ([UInt8]) -> Void = {
    let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    guard let target = targets[name] else { fatalError("no target \(name)") }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target(unsafe Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
