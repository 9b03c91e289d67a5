/// Who stands in for a pool that has nothing ready.
extension Controller {
    /// Says once when a backup takes over, and when it is not needed any more.
    func noteBackups() {
        let ready = Set(pools.filter { $0.isReady && !$0.pause.isPaused }.map(\.name))
        for pool in pools where pool.configuration.backup != nil || pool.isBackedUp {
            let standIn =
                ready.contains(pool.name) || pool.pause.isPaused
                ? nil : standIn(for: pool, among: ready)
            guard (standIn != nil) != pool.isBackedUp else { continue }
            pool.isBackedUp = standIn != nil
            if let standIn {
                log.write(
                    .warning,
                    "pool=\(pool.name) its backup \(standIn) takes its requests"
                        + " cause=\"nothing is ready\"")
            } else {
                log.write(.info, "pool=\(pool.name) its backup is not needed any more")
            }
        }
    }

    private func standIn(for pool: RunningPool, among ready: Set<String>) -> String? {
        var next = pool.configuration.backup
        for _ in 0..<ConfigurationCheck.backupsInRowMaximum {
            guard let name = next else { return nil }
            if ready.contains(name) { return name }
            next = pools.first { $0.name == name }?.configuration.backup
        }
        return nil
    }
}
