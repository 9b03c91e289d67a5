import Transport

@testable import ControlPlane

extension EventLoop {
    /// Turns until `condition` holds; false if it does not within `seconds`.
    @discardableResult
    func turn(within seconds: Int = 10, until condition: () -> Bool) -> Bool {
        let deadline = Instant.now().adding(milliseconds: seconds * 1_000)
        while !condition() {
            if Instant.now() >= deadline { return false }
            turn(milliseconds: 20)
        }
        return true
    }
}

func address(_ text: String, port: UInt16 = 0) -> SocketAddress {
    guard let address = SocketAddress(numeric: text, port: port) else {
        fatalError("a test wrote the address \(text)")
    }
    return address
}
