internal import HTTP
internal import Transport

/// Connections of HTTP/2 on which nothing comes any more: a replica that has lost one without a
/// word would else be given stream after stream on it.
extension Worker {
    /// A stream has timed out. If nothing has come of the others either, the replica is asked for a
    /// sign of life, and gets new streams on other connections until it gives one.
    ///
    /// - Parameter milliseconds: how long the stream had.
    mutating func noteSilence(on upstream: Ref<UpstreamConnection>?, milliseconds: Int) {
        guard let carrier = upstream?.its.http2.carrier, carrier.its.phase == .multiplexing,
            !carrier.its.http2.isSuspected, let session = carrier.its.http2.session,
            // The SETTINGS of a new connection come a little later than its first stream.
            now.milliseconds(since: carrier.its.idleSince) >= milliseconds / 2
        else { return }
        carrier.its.http2.isSuspected = true
        session.ping()
        wantFlush(carrier)
        wheel.set(
            carrier.its.timer, at: now.adding(milliseconds: DataPlaneLimits.pingMilliseconds))
    }

    /// Something has come.
    mutating func noteLife(of carrier: Ref<UpstreamConnection>) {
        carrier.its.idleSince = now
        guard carrier.its.http2.isSuspected else { return }
        carrier.its.http2.isSuspected = false
        wheel.cancel(carrier.its.timer)
        if carrier.its.http2.count == 0 { rest(carrier) }
    }
}
