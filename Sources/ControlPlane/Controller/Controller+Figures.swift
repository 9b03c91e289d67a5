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
        watchCircuits()
        endResumed()
        loop.schedule(afterMilliseconds: PoolRules.servedNewsMilliseconds) { [weak self] in
            self?.watchAnswers()
        }
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
