internal import Balancing
internal import HTTP
internal import Transport

/// How far weir receives ahead of a client, so that a replica that stops has been heard to the end,
/// and a slow client costs a bounded amount of memory, however many streams it has.
extension Worker {
    /// How many bytes of the response may be received now; beyond that the replica waits. A client
    /// of HTTP/1.1 gets as much as one system call brings: what large bodies cost is these calls.
    mutating func readAheadRoom(for exchange: Ref<Exchange>) -> Int {
        let client = exchange.its.client
        let limit = snapshot.limits.readAheadBytesMaximum
        if client.isStream {
            let streamLimit = min(limit, DataPlaneLimits.streamReadAheadBytesMaximum)
            return roomAhead(ofStream: client, upTo: streamLimit)
        }
        let queued = client.its.output.count
        return queued == 0 || queued < limit && store.hasPlenty ? Int.max : 0
    }

    /// The same for what passes through a tunnel.
    mutating func tunnelRoom(for client: Ref<ClientConnection>) -> Int {
        let limit = DataPlaneLimits.tunnelQueueBytesMaximum
        if client.isStream { return roomAhead(ofStream: client, upTo: limit) }
        return client.its.output.count < limit ? Int.max : 0
    }

    /// All streams of a connection together are read ahead as far as a client of HTTP/1.1 is. A
    /// stream beyond that gets what its client takes at once, and when that is nothing, so little
    /// that it can wait in a small buffer: with it in the queue, the stream goes on by itself
    /// once there is a window for it.
    private mutating func roomAhead(
        ofStream client: Ref<ClientConnection>, upTo limit: Int
    ) -> Int {
        guard let carrier = client.its.http2.carrier, let session = carrier.its.http2.session else {
            return BufferStore.largeBytes
        }
        let queued = client.its.output.count
        if carrier.its.http2.heldBytes < snapshot.limits.readAheadBytesMaximum,
            queued == 0 || queued < limit && store.hasPlenty
        {
            return BufferStore.largeBytes
        }
        guard queued == 0 else { return 0 }
        guard carrier.its.output.isEmpty else { return BufferStore.smallBytes }
        let window = session.window(of: client.its.http2.stream)
        return max(BufferStore.smallBytes, min(window, BufferStore.largeBytes))
    }
}
