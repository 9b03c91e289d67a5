internal import Balancing
internal import Metrics
internal import Transport

/// What is read from the counters now and then.
extension Controller {
    /// Every so often the directors learn which replicas gave real answers.
    func watchAnswers() {
        for pool in pools {
            pool.noteAnswers { row in
                UInt64(sums.answers(replica: row) + sums.replica(row, .bytesReceived))
            }
            pool.judge(by: sums)
        }
        noteLimits()
        endResumed()
        loop.schedule(afterMilliseconds: PoolRules.servedNewsMilliseconds) { [weak self] in
            self?.watchAnswers()
        }
    }

    /// Limits that hold somebody off are said.
    private func noteLimits() {
        let now = Instant.now().milliseconds(since: started)
        for listener in sockets.open {
            for what in LimitNotices.What.allCases {
                let subject = LimitNotices.Subject(
                    listener: listener.configuration.name, what: what)
                let count = sums.listener(listener.row, what.column)
                guard let more = limitNotices.take(subject, count: count, now: now) else {
                    continue
                }
                log.write(
                    .warning,
                    "listener=\(subject.listener) \(what.text(more, configuration.limits))")
            }
        }
        limitNotices.keep(Set(sockets.open.map(\.configuration.name)))
    }

    func sampleFigures() {
        recent.add(figuresNow())
        loop.schedule(afterMilliseconds: RecentFigures.intervalMilliseconds) { [weak self] in
            self?.sampleFigures()
        }
    }

    func figuresNow() -> RecentFigures.Sample {
        var sample = RecentFigures.Sample(at: Instant.now())
        for pool in pools {
            sample.requests[pool.row] = sums.pool(pool.row, .requests)
            sample.histograms[pool.row] = sums.histogram(pool: pool.row)
            for replica in pool.replicas {
                sample.answers[replica.row] = sums.answers(replica: replica.row)
            }
        }
        return sample
    }
}

extension LimitNotices.What {
    fileprivate var column: ListenerColumn {
        switch self {
        case .clientsRefused: .clientsRefused
        case .tooSlow: .tooSlow
        }
    }

    fileprivate func text(_ count: Int, _ limits: Limits) -> String {
        switch self {
        case .clientsRefused:
            "refused \(count) connections of clients that had \(limits.connectionsPerClientMaximum)"
                + " here (limits.connections_per_client)"
        case .tooSlow:
            "cut off \(count) clients that sent or read too slowly (limits.min_request_rate,"
                + " min_response_rate)"
        }
    }
}
